"""What a deployment tells the template, the conditions that follow, and the rules between them."""

from __future__ import annotations

from typing import Final

from deploy.aws.stack.cfn import Json, ref
from deploy.aws.stack.sizes import SIZES

_SWITCH: Final = {"Type": "String", "AllowedValues": ["no", "yes"], "Default": "no"}
_BUCKETS: Final = {
    "AiBucket": "academy-ai",
    "VideoBucket": "academy-video",
    "ExcelBucket": "academy-excel",
    "StorageBucket": "academy-storage",
}


def parameters() -> Json:
    """The section ``Parameters``. None of them is a secret."""
    return {
        "Environment": {
            "Type": "String",
            "AllowedPattern": "[a-z][a-z0-9-]{1,15}",
            "Description": "Name of the environment, such as prod; the stack is academy-ENV",
        },
        "Size": {
            "Type": "String",
            "AllowedValues": list(SIZES),
            "Default": "start",
            "Description": "How much of everything runs",
        },
        "Running": {
            **_SWITCH,
            "Description": "no: no process runs, so that the registry can be filled or the schema "
            "changed",
        },
        **_release(),
        **_network(),
        **_addresses(),
        **_objects(),
        **_optional(),
    }


def _release() -> Json:
    return {
        "ImagePrefix": {
            "Type": "String",
            "Description": "What stands before /academy-api:TAG, such as "
            "ACCOUNT.dkr.ecr.ap-northeast-2.amazonaws.com/academy-prod",
        },
        "ImageTag": {
            "Type": "String",
            "AllowedPattern": "[A-Za-z0-9._+-]{1,40}",
            "Description": "The release: tag of all images, and RELEASE of all processes",
        },
        "CpuArchitecture": {
            "Type": "String",
            "AllowedValues": ["ARM64", "X86_64"],
            "Default": "ARM64",
            "Description": "What the images of everything but ai-premium were built for",
        },
    }


def _network() -> Json:
    return {
        "VpcId": {"Type": "AWS::EC2::VPC::Id", "Description": "The network"},
        "SubnetIds": {
            "Type": "List<AWS::EC2::Subnet::Id>",
            "Description": "Public subnets in two zones; there is no NAT gateway to pay for",
        },
        "DatabaseSecurityGroupId": {
            "Type": "AWS::EC2::SecurityGroup::Id",
            "Description": "The database's security group, which is opened to the services",
        },
        "DatabaseInstance": {
            "Type": "String",
            "Description": "Identifier of the RDS instance, for its alarms",
        },
        "QueuePrefix": {
            "Type": "String",
            "Default": "",
            "AllowedPattern": "[A-Za-z0-9_-]{0,30}",
            "Description": "Before the names of the queues, where environments share an account",
        },
    }


def _addresses() -> Json:
    host = "[a-z0-9.-]+"
    return {
        "PublicHost": {
            "Type": "String",
            "AllowedPattern": host,
            "Description": "Host name of the API, such as api.example.com",
        },
        "FlowerHost": {
            "Type": "String",
            "AllowedPattern": host,
            "Description": "Host name of Flower, such as flower.example.com",
        },
        "CertificateArn": {
            "Type": "String",
            "Default": "",
            "Description": "Certificate of both hosts for the load balancer (size grow)",
        },
        "TunnelImage": {
            "Type": "String",
            "Default": "",
            "Description": "cloudflare/cloudflared, a release by its digest (size start)",
        },
        "CorsOrigins": {
            "Type": "String",
            "Default": "",
            "Description": "Web origins whose pages use the API, comma-separated; empty: its own",
        },
        "AlarmEmail": {
            "Type": "String",
            "Default": "",
            "Description": "Who is written to when an alarm rings; empty: nobody",
        },
        "MonthlyBudget": {
            "Type": "Number",
            "Default": 0,
            "MinValue": 0,
            "Description": "USD a month of the account from which AlarmEmail is warned; 0: never",
        },
    }


def _objects() -> Json:
    return {
        "R2EndpointUrl": {
            "Type": "String",
            "AllowedPattern": "https://.+",
            "Description": "https://ACCOUNT.r2.cloudflarestorage.com",
        },
        **{
            name: {"Type": "String", "Default": default, "Description": "Bucket on R2"}
            for name, default in _BUCKETS.items()
        },
        "CdnBaseUrl": {
            "Type": "String",
            "Default": "",
            "Description": "https address of the worker at the edge (deploy/edge), "
            "for which CDN_SIGNING_KEY must be stored; empty: links to R2",
        },
        "ModelRegistry": {
            "Type": "String",
            "Default": "",
            "Description": "s3://BUCKET/KEY of a registry of models; empty: that of the images",
        },
    }


def _optional() -> Json:
    return {
        "MessagingProvider": {
            "Type": "String",
            "AllowedValues": ["console", "solapi", "nhn"],
            "Default": "console",
            "Description": "Who delivers messages; console: nobody",
        },
        "AlimTalk": {
            **_SWITCH,
            "Description": "Whether NHN's keys for AlimTalk are stored",
        },
        "ProviderWebhooks": {
            **_SWITCH,
            "Description": "Whether the secret of the provider's webhook calls is stored",
        },
        "Language": {**_SWITCH, "Description": "Whether a language model is stored (LLM_…)"},
        "Speech": {**_SWITCH, "Description": "Whether a speech model is stored (SPEECH_…)"},
        "WorkerCapacity": {
            "Type": "String",
            "AllowedValues": ["spot", "on-demand"],
            "Default": "spot",
            "Description": "What the pools compute on; on-demand costs three times as much and is "
            "never taken away",
        },
        "GpuPool": {
            "Type": "String",
            "AllowedValues": ["no", "yes"],
            "Default": "yes",
            "Description": "Whether there are GPU hosts for ai-premium; they need a quota of G",
        },
    }


def conditions() -> Json:
    """The section ``Conditions``."""

    def equal(name: str, value: str) -> Json:
        return {"Fn::Equals": [ref(name), value]}

    def given(name: str) -> Json:
        return {"Fn::Not": [equal(name, "")]}

    def both(*names: str) -> Json:
        return {"Fn::And": [{"Condition": name} for name in names]}

    return {
        "IsRunning": equal("Running", "yes"),
        "HasBalancer": equal("Size", "grow"),
        "HasTunnel": {"Fn::Not": [{"Condition": "HasBalancer"}]},
        "HasMail": given("AlarmEmail"),
        "HasLimit": {"Fn::Not": [{"Fn::Equals": [ref("MonthlyBudget"), 0]}]},
        "HasBudget": both("HasMail", "HasLimit"),
        "HasOrigins": given("CorsOrigins"),
        "HasCdn": given("CdnBaseUrl"),
        "HasModels": given("ModelRegistry"),
        "HasSolapi": equal("MessagingProvider", "solapi"),
        "HasNhn": equal("MessagingProvider", "nhn"),
        "WantsAlimTalk": equal("AlimTalk", "yes"),
        "HasNhnAlimTalk": both("HasNhn", "WantsAlimTalk"),
        "WantsWebhooks": equal("ProviderWebhooks", "yes"),
        "HasSolapiWebhooks": both("HasSolapi", "WantsWebhooks"),
        "HasNhnWebhooks": both("HasNhn", "WantsWebhooks"),
        "HasLanguage": equal("Language", "yes"),
        "HasSpeech": equal("Speech", "yes"),
        "HasModelService": {"Fn::Or": [{"Condition": "HasLanguage"}, {"Condition": "HasSpeech"}]},
        "OnSpot": equal("WorkerCapacity", "spot"),
        "HasGpu": equal("GpuPool", "yes"),
    }


def rules() -> Json:
    """The section ``Rules``: what must be given together, refused before anything is made."""

    def needs(size: str, name: str, why: str) -> Json:
        return {
            "RuleCondition": {"Fn::Equals": [ref("Size"), size]},
            "Assertions": [
                {"Assert": {"Fn::Not": [{"Fn::Equals": [ref(name), ""]}]}, "AssertDescription": why}
            ],
        }

    return {
        "GrowNeedsCertificate": needs(
            "grow", "CertificateArn", "CertificateArn: the load balancer of size grow needs one"
        ),
        "StartNeedsTunnel": needs(
            "start", "TunnelImage", "TunnelImage: size start is reached through a tunnel alone"
        ),
    }
