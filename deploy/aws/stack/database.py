"""The database's own stack, ``academy-ENV-database``: ``deploy/database.yaml``.

It stands apart from the platform's, because it holds what cannot be made again: deployed once,
changed rarely, and never taken down with a release. Whoever has a PostgreSQL needs none of it.

The password is never in a template or a stack: CloudFormation fetches it from the parameter store
(``/academy/ENV/DATABASE_PASSWORD``) when it makes the instance.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from deploy.aws.stack.cfn import Json, attribute, named, ref, render, resource, sized, sub
from deploy.aws.stack.sizes import SIZES

PATH: Final = Path(__file__).resolve().parents[2] / "database.yaml"
#: The tests run on this major version.
POSTGRES: Final = "18"
_HEADING: Final = """\
The database of one environment, the stack academy-ENV-database: deployed once, and first.
Made by `make stack` from deploy/aws/stack/database.py: change that, never this file.
docs/explanation/deployment.md explains it."""


def template() -> Json:
    """The template."""
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": "academy: the database of one environment",
        "Parameters": {
            "Environment": {
                "Type": "String",
                "AllowedPattern": "[a-z][a-z0-9-]{1,15}",
                "Description": "Name of the environment, such as prod",
            },
            "Size": {"Type": "String", "AllowedValues": list(SIZES), "Default": "start"},
            "VpcId": {"Type": "AWS::EC2::VPC::Id", "Description": "The platform's network"},
            "SubnetIds": {
                "Type": "List<AWS::EC2::Subnet::Id>",
                "Description": "Subnets in two zones at least",
            },
        },
        "Mappings": {"Sizes": {name: _row(name) for name in SIZES}},
        "Resources": {
            "Subnets": resource(
                "AWS::RDS::DBSubnetGroup",
                {
                    "DBSubnetGroupName": named("database"),
                    "DBSubnetGroupDescription": named("database"),
                    "SubnetIds": ref("SubnetIds"),
                },
            ),
            "SecurityGroup": resource(
                "AWS::EC2::SecurityGroup",
                {
                    "GroupName": named("database"),
                    # The platform's stack adds the one rule: its own processes, on 5432.
                    "GroupDescription": "The database, opened by the stack of the platform",
                    "VpcId": ref("VpcId"),
                },
            ),
            "Settings": resource(
                "AWS::RDS::DBParameterGroup",
                {
                    "Family": f"postgres{POSTGRES}",
                    "Description": named("database"),
                    "Parameters": {
                        "rds.force_ssl": "1",
                        # What somebody should look at; texts of statements hold no values.
                        "log_min_duration_statement": "2000",
                        "log_parameter_max_length": "0",
                        # A process that died with a transaction open holds back vacuum.
                        "idle_in_transaction_session_timeout": "900000",
                    },
                },
            ),
            "Database": _instance(),
        },
        "Outputs": {
            "DatabaseInstance": {"Value": ref("Database")},
            "DatabaseSecurityGroupId": {"Value": attribute("SecurityGroup", "GroupId")},
            "DatabaseHost": {
                "Description": "For DATABASE_URL",
                "Value": attribute("Database", "Endpoint.Address"),
            },
        },
    }


def _row(name: str) -> Json:
    database = SIZES[name].database
    return {
        "Class": database.kind,
        "Disk": str(database.disk),
        "DiskMost": database.disk * 4,
        "TwoZones": database.zones == 2,
        "BackupDays": database.backup_days,
    }


def _instance() -> Json:
    """It survives its stack: a snapshot is taken of whatever is deleted or replaced."""
    made = resource(
        "AWS::RDS::DBInstance",
        {
            "DBInstanceIdentifier": sub("academy-${Environment}"),
            "DBName": "academy",
            "Engine": "postgres",
            "EngineVersion": POSTGRES,
            "DBInstanceClass": sized("Class"),
            "MultiAZ": sized("TwoZones"),
            "AllocatedStorage": sized("Disk"),
            "MaxAllocatedStorage": sized("DiskMost"),
            "StorageType": "gp3",
            "StorageEncrypted": True,
            "MasterUsername": "academy",
            "MasterUserPassword": sub(
                "{{resolve:ssm-secure:/academy/${Environment}/DATABASE_PASSWORD}}"
            ),
            "DBSubnetGroupName": ref("Subnets"),
            "VPCSecurityGroups": [attribute("SecurityGroup", "GroupId")],
            "DBParameterGroupName": ref("Settings"),
            "PubliclyAccessible": False,
            "BackupRetentionPeriod": sized("BackupDays"),
            # Night in Korea: 03:00, and Sunday 04:00.
            "PreferredBackupWindow": "18:00-18:30",
            "PreferredMaintenanceWindow": "sat:19:00-sat:20:00",
            "AutoMinorVersionUpgrade": True,
            "CopyTagsToSnapshot": True,
            "DeleteAutomatedBackups": False,
            "DeletionProtection": True,
            "EnableCloudwatchLogsExports": ["postgresql"],
        },
    )
    return {**made, "DeletionPolicy": "Snapshot", "UpdateReplacePolicy": "Snapshot"}


def text() -> str:
    """What ``deploy/database.yaml`` holds."""
    return render(template(), _HEADING)
