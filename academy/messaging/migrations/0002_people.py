"""The last digits of a consent, and which campaigns have been wiped."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("messaging", "0001_messaging"),
    ]

    operations = [
        migrations.AlterModelOptions(
            name="consent",
            options={"default_manager_name": "unscoped", "ordering": ["created_at", "id"]},
        ),
        migrations.AddField(
            model_name="campaign",
            name="wiped_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="consent",
            name="phone_tail",
            field=models.CharField(blank=True, default="", max_length=4),
        ),
        migrations.AddIndex(
            model_name="campaign",
            index=models.Index(
                condition=models.Q(("ended_at__isnull", False), ("wiped_at__isnull", True)),
                fields=["ended_at"],
                name="campaign_unwiped",
            ),
        ),
        migrations.AddIndex(
            model_name="consent",
            index=models.Index(fields=["tenant", "-created_at", "-id"], name="consent_list"),
        ),
    ]
