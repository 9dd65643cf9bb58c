from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("sheets", "0001_sheets")]

    operations = [
        migrations.AddField(
            model_name="exam",
            name="published_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
    ]
