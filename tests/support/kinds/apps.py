from django.apps import AppConfig


class TestKindsConfig(AppConfig):
    name = "tests.support.kinds"
    label = "test_kinds"
    verbose_name = "Test kinds"

    def ready(self) -> None:
        # Kinds need the models, which are not there when this module is imported.
        from tests.support import encodes, killing  # noqa: PLC0415
        from tests.support.kinds import registry  # noqa: PLC0415

        registry.register()
        encodes.record_where_asked()
        killing.kill_where_asked()
