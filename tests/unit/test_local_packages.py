from deploy.local.packages import parse_pip_config, uv_variables


def test_the_environment_beats_the_install_section_which_beats_the_global_one() -> None:
    listing = """\
global.index-url='https://global.example/simple'
install.index-url='https://install.example/simple'
:env:.cert='/etc/ca.pem'
global.cert='/old.pem'
download.index-url='https://ignored.example/simple'
"""

    assert parse_pip_config(listing) == {
        "index-url": "https://install.example/simple",
        "cert": "/etc/ca.pem",
    }


def test_values_with_an_equals_sign_and_lines_without_a_value_are_read_as_pip_means_them() -> None:
    listing = "global.index-url='https://user:a=b@mirror.example/simple'\nnonsense\n"

    assert parse_pip_config(listing) == {"index-url": "https://user:a=b@mirror.example/simple"}


def test_several_find_links_and_indexes_keep_all_their_members() -> None:
    options = {
        "find-links": "/wheels\n/more",
        "extra-index-url": "https://a.example https://b.example",
    }

    variables = uv_variables(options, {})

    assert variables["UV_FIND_LINKS"] == "/wheels,/more"
    assert variables["UV_INDEX"] == "https://a.example https://b.example"
    assert variables["UV_INDEX_STRATEGY"] == "unsafe-best-match"


def test_one_index_alone_keeps_uvs_own_strategy() -> None:
    assert uv_variables({"index-url": "https://a.example"}, {}) == {
        "UV_DEFAULT_INDEX": "https://a.example"
    }


def test_what_the_user_told_uv_is_never_overridden() -> None:
    present = {"UV_DEFAULT_INDEX": "https://mine.example", "SSL_CERT_FILE": "/mine.pem"}

    assert uv_variables({"index-url": "https://pip.example", "cert": "/pip.pem"}, present) == {}


def test_no_index_is_handed_on_only_when_it_is_true() -> None:
    assert uv_variables({"no-index": "true"}, {}) == {"UV_NO_INDEX": "1"}
    assert uv_variables({"no-index": "false"}, {}) == {}
