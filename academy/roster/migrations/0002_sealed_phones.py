"""Expand: columns for sealed phones and their indexes, beside those in the clear that 0.1.0 reads.

What is in the clear serves a rolling upgrade alone; `academy.roster.sealing` says how it ends.
"""

from django.contrib.postgres.indexes import OpClass
from django.db import migrations, models
from django.db.models import F, Q
from django.db.models.functions import Reverse

# A process of 0.1.0 knows the phones in the clear alone. What it changes is not sealed any more,
# until the sweep has sealed it again.
_STALE = """
CREATE FUNCTION student_phones_stale() RETURNS trigger AS $$
BEGIN
    IF NEW.parent_phone IS NOT NULL AND NEW.parent_phone IS DISTINCT FROM OLD.parent_phone
        AND NEW.parent_phone_sealed IS NOT DISTINCT FROM OLD.parent_phone_sealed
    THEN
        NEW.parent_phone_sealed := NULL;
        NEW.parent_phone_index := NULL;
        NEW.parent_phone_tail := NULL;
    END IF;
    IF NEW.student_phone IS NOT NULL AND NEW.student_phone IS DISTINCT FROM OLD.student_phone
        AND NEW.student_phone_sealed IS NOT DISTINCT FROM OLD.student_phone_sealed
    THEN
        NEW.student_phone_sealed := NULL;
        NEW.student_phone_index := NULL;
    END IF;
    RETURN NEW;
END
$$ LANGUAGE plpgsql;
CREATE TRIGGER student_phones_a_stale BEFORE UPDATE ON roster_student
    FOR EACH ROW EXECUTE FUNCTION student_phones_stale();
"""
_STALE_BACK = """
DROP TRIGGER student_phones_a_stale ON roster_student;
DROP FUNCTION student_phones_stale();
"""

# For a trigger that is made once nothing of 0.1.0 is at work: `academy.roster.sealing.finish`.
_CLEAR = """
CREATE FUNCTION student_phones_clear() RETURNS trigger AS $$
BEGIN
    IF NEW.parent_phone_sealed IS NOT NULL THEN NEW.parent_phone := NULL; END IF;
    IF NEW.student_phone_sealed IS NOT NULL THEN NEW.student_phone := NULL; END IF;
    RETURN NEW;
END
$$ LANGUAGE plpgsql;
"""
_CLEAR_BACK = "DROP FUNCTION student_phones_clear();"

_UNIQUE = "student_once_per_tenant", "student_parent_phone", "student_own_phone"


def _clear(name: str, **options: object) -> list[migrations.operations.base.Operation]:
    """The field has another name in the code; the column has not."""
    field = models.CharField(db_column=name, max_length=11, null=True, **options)  # type: ignore[arg-type]
    return [
        migrations.AlterField("student", name, field),
        migrations.RenameField("student", name, f"{name}_clear"),
    ]


class Migration(migrations.Migration):
    """`0003` seals what is there."""

    contract = {
        "blocking-index": "The columns are empty yet: one scan of the table each, about a second "
        "for a million students.",
        "tighter-constraint": "Every row of 0.1.0 has its parent's phone in the clear.",
        "trigger": "It marks what 0.1.0 writes as not sealed, and touches no column of 0.1.0.",
    }

    dependencies = [("roster", "0001_students")]

    operations = [
        migrations.AddField("student", "parent_phone_sealed", models.BinaryField(max_length=64, null=True)),
        migrations.AddField("student", "parent_phone_index", models.BinaryField(max_length=32, null=True)),
        migrations.AddField("student", "parent_phone_tail", models.BinaryField(max_length=32, null=True)),
        migrations.AddField("student", "student_phone_sealed", models.BinaryField(max_length=64, null=True)),
        migrations.AddField("student", "student_phone_index", models.BinaryField(max_length=32, null=True)),
        migrations.AlterField("student", "parent_phone", models.CharField(max_length=11, null=True)),
        migrations.AlterField(
            "student", "student_phone", models.CharField(max_length=11, null=True, blank=True, default="")
        ),
        migrations.SeparateDatabaseAndState(
            state_operations=[
                *(migrations.RemoveConstraint("student", name) for name in _UNIQUE),
                migrations.RemoveIndex("student", "student_tail"),
                *_clear("parent_phone"),
                *_clear("student_phone", blank=True, default=""),
                migrations.AddConstraint(
                    "student",
                    models.UniqueConstraint(
                        fields=["tenant", "parent_phone_clear", "name"],
                        name="student_once_per_tenant",
                    ),
                ),
                migrations.AddConstraint(
                    "student",
                    models.CheckConstraint(
                        condition=Q(parent_phone_clear__regex=r"^010[0-9]{8}$"),
                        name="student_parent_phone",
                    ),
                ),
                migrations.AddConstraint(
                    "student",
                    models.CheckConstraint(
                        condition=Q(student_phone_clear="")
                        | Q(student_phone_clear__regex=r"^01[016789][0-9]{7,8}$"),
                        name="student_own_phone",
                    ),
                ),
                migrations.AddIndex(
                    "student",
                    models.Index(
                        F("tenant"),
                        OpClass(Reverse("parent_phone_clear"), "text_pattern_ops"),
                        name="student_tail",
                    ),
                ),
            ]
        ),
        migrations.AddConstraint(
            "student",
            models.UniqueConstraint(
                fields=["tenant", "parent_phone_index", "name"], name="student_once_by_index"
            ),
        ),
        migrations.AddConstraint(
            "student",
            models.CheckConstraint(
                condition=Q(parent_phone_clear__isnull=False)
                | Q(parent_phone_sealed__isnull=False),
                name="student_has_parent_phone",
            ),
        ),
        migrations.AddIndex(
            "student", models.Index(fields=["tenant", "parent_phone_tail"], name="student_by_tail")
        ),
        migrations.AddIndex(
            "student",
            models.Index(
                fields=["id"],
                condition=Q(parent_phone_sealed__isnull=True)
                | Q(student_phone_sealed__isnull=True),
                name="student_unsealed",
            ),
        ),
        migrations.RunSQL(_STALE, _STALE_BACK),
        migrations.RunSQL(_CLEAR, _CLEAR_BACK),
    ]
