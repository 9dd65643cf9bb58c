"""The match-up kinds, as they are submitted and sold."""

from types import MappingProxyType
from typing import Final

from academy.ai.matchup import errors  # noqa: F401 - registers the codes
from academy.ai.matchup.params import (
    MAX_COLLECTIONS,
    MAX_HITS,
    MAX_QUESTIONS,
    ImportParams,
    IndexParams,
    IndexPartParams,
    SearchParams,
    import_check,
    index_check,
    questions_asked,
    questions_taken,
    search_check,
)
from academy.ai.matchup.results import (
    ImportResult,
    IndexPartResult,
    IndexResult,
    MatchUpResult,
)
from academy.ai.tiers import Offer, Tier, Unit
from academy.core.storage import Bucket
from academy.jobs.kinds import KindSpec, register
from academy.problems.limits import MAX_IN_COLLECTION, MAX_PROBLEMS
from academy.tenants.scopes import Scope

IMPORT_OFFER: Final = Offer(
    kind="ai.problem_import",
    unit=Unit.ITEM,
    prices={Tier.LITE: 1},
    default=Tier.LITE,
    limits=MappingProxyType({"items": MAX_IN_COLLECTION}),
    units=questions_taken,
)
INDEX_OFFER: Final = Offer(
    kind="ai.embedding_index",
    unit=Unit.ITEM,
    prices={Tier.PREMIUM: 1},
    default=Tier.PREMIUM,
    limits=MappingProxyType({"items": MAX_PROBLEMS}),
)
SEARCH_OFFER: Final = Offer(
    kind="ai.matchup_search",
    unit=Unit.ITEM,
    prices={Tier.BASIC: 3},
    default=Tier.BASIC,
    limits=MappingProxyType(
        {"items": MAX_QUESTIONS, "collections": MAX_COLLECTIONS, "hits": MAX_HITS}
    ),
    units=questions_asked,
)

IMPORT = IMPORT_OFFER.spec(
    params=ImportParams,
    handler="academy.ai.matchup.importing:run",
    timeout_seconds=3600,
    result=ImportResult,
    check=import_check,
    reads=Scope.PROBLEMS_READ,
    writes=Scope.PROBLEMS_WRITE,
)

INDEX = INDEX_OFFER.spec(
    params=IndexParams,
    handler="academy.ai.matchup.indexing:run",
    timeout_seconds=3600,
    result=IndexResult,
    check=index_check,
    reads=Scope.PROBLEMS_READ,
    writes=Scope.PROBLEMS_WRITE,
)

INDEX_PART = register(
    KindSpec(
        name="ai.embedding_part",
        version=1,
        queue=INDEX_OFFER.queue,
        params=IndexPartParams,
        handler="academy.ai.matchup.indexing:run_part",
        bucket=Bucket.AI.value,
        timeout_seconds=3600,
        internal=True,
        reads=Scope.PROBLEMS_READ,
        result=IndexPartResult,
    )
)

SEARCH = SEARCH_OFFER.spec(
    params=SearchParams,
    handler="academy.ai.matchup.searching:run",
    timeout_seconds=1800,
    result=MatchUpResult,
    check=search_check,
    reads=Scope.PROBLEMS_READ,
    writes=Scope.PROBLEMS_READ,
)
