"""Who may talk to whom, and the load balancer of the size ``grow``.

Nothing listens to the internet but the load balancer, and that to Cloudflare alone. In size
``start`` there is no open port at all: a tunnel beside the API and beside Flower calls Cloudflare
from within.
"""

from __future__ import annotations

from typing import Final

from deploy.aws.stack.cfn import Json, attribute, choose, named, ref, resource, sub

SERVICES: Final = "ServicesSecurityGroup"
_BALANCER: Final = "BalancerSecurityGroup"
#: https://www.cloudflare.com/ips-v4, as of 2026-11; compare it before you deploy with a balancer.
CLOUDFLARE: Final = (
    *("173.245.48.0/20", "103.21.244.0/22", "103.22.200.0/22", "103.31.4.0/22", "141.101.64.0/18"),
    *("108.162.192.0/18", "190.93.240.0/20", "188.114.96.0/20", "197.234.240.0/22"),
    *("198.41.128.0/17", "162.158.0.0/15", "104.16.0.0/13", "104.24.0.0/14", "172.64.0.0/13"),
    "131.0.72.0/22",
)
_ANYWHERE: Final = "0.0.0.0/0"


def resources() -> Json:
    """Security groups, the way to the database, and the load balancer with its listeners."""
    return {
        SERVICES: resource(
            "AWS::EC2::SecurityGroup",
            {
                "GroupName": named("services"),
                "GroupDescription": "Every process of the platform",
                "VpcId": ref("VpcId"),
                "SecurityGroupIngress": choose(
                    "HasBalancer", [_from_balancer(8000), _from_balancer(5555)]
                ),
                "SecurityGroupEgress": [
                    _to(443, "AWS, R2, message providers, webhooks"),
                    _to_database(),
                    _to(7844, "the tunnel to Cloudflare"),
                    {**_to(7844, "the same over QUIC"), "IpProtocol": "udp"},
                ],
            },
        ),
        "DatabaseIngress": resource(
            "AWS::EC2::SecurityGroupIngress",
            {
                "GroupId": ref("DatabaseSecurityGroupId"),
                "SourceSecurityGroupId": attribute(SERVICES, "GroupId"),
                "IpProtocol": "tcp",
                "FromPort": 5432,
                "ToPort": 5432,
                "Description": sub("Processes of academy-${Environment}"),
            },
        ),
        **_balancer(),
    }


def _to(port: int, what: str) -> Json:
    return {
        "CidrIp": _ANYWHERE,
        "IpProtocol": "tcp",
        "FromPort": port,
        "ToPort": port,
        "Description": what,
    }


def _to_database() -> Json:
    rule = _to(5432, "the database")
    del rule["CidrIp"]
    return {"DestinationSecurityGroupId": ref("DatabaseSecurityGroupId"), **rule}


def _from_balancer(port: int) -> Json:
    return {
        "SourceSecurityGroupId": attribute(_BALANCER, "GroupId"),
        "IpProtocol": "tcp",
        "FromPort": port,
        "ToPort": port,
        "Description": "the load balancer",
    }


def _balancer() -> Json:
    made = {
        _BALANCER: resource(
            "AWS::EC2::SecurityGroup",
            {
                "GroupName": named("balancer"),
                "GroupDescription": "The load balancer, reached from Cloudflare alone",
                "VpcId": ref("VpcId"),
                "SecurityGroupIngress": [
                    {**_to(443, "Cloudflare"), "CidrIp": block} for block in CLOUDFLARE
                ],
                "SecurityGroupEgress": [_to(8000, "the API"), _to(5555, "Flower")],
            },
        ),
        "Balancer": resource(
            "AWS::ElasticLoadBalancingV2::LoadBalancer",
            {
                "Name": named("web"),
                "Type": "application",
                "Scheme": "internet-facing",
                "Subnets": ref("SubnetIds"),
                "SecurityGroups": [attribute(_BALANCER, "GroupId")],
                "LoadBalancerAttributes": [
                    # Event streams send a sign of life every 15 s.
                    {"Key": "idle_timeout.timeout_seconds", "Value": "120"},
                    {"Key": "routing.http.drop_invalid_header_fields.enabled", "Value": "true"},
                ],
            },
        ),
        "BalancerListener": resource(
            "AWS::ElasticLoadBalancingV2::Listener",
            {
                "LoadBalancerArn": ref("Balancer"),
                "Port": 443,
                "Protocol": "HTTPS",
                "SslPolicy": "ELBSecurityPolicy-TLS13-1-2-2021-06",
                "Certificates": [{"CertificateArn": ref("CertificateArn")}],
                "DefaultActions": [
                    {
                        "Type": "fixed-response",
                        "FixedResponseConfig": {"StatusCode": "404", "ContentType": "text/plain"},
                    }
                ],
            },
        ),
        "ApiTargets": _targets("api", 8000, "/healthz", "200"),
        "FlowerTargets": _targets("flower", 5555, "/healthcheck", "200"),
        "ApiRule": _rule(1, "PublicHost", "ApiTargets"),
        "FlowerRule": _rule(2, "FlowerHost", "FlowerTargets"),
    }
    return {name: {**one, "Condition": "HasBalancer"} for name, one in made.items()}


def _targets(role: str, port: int, path: str, healthy: str) -> Json:
    return resource(
        "AWS::ElasticLoadBalancingV2::TargetGroup",
        {
            "Name": named(role),
            "VpcId": ref("VpcId"),
            "TargetType": "ip",
            "Protocol": "HTTP",
            "Port": port,
            "HealthCheckPath": path,
            "HealthCheckIntervalSeconds": 10,
            "HealthCheckTimeoutSeconds": 5,
            "HealthyThresholdCount": 2,
            "UnhealthyThresholdCount": 3,
            "Matcher": {"HttpCode": healthy},
            "TargetGroupAttributes": [
                {"Key": "deregistration_delay.timeout_seconds", "Value": "30"}
            ],
        },
    )


def _rule(priority: int, host: str, targets: str) -> Json:
    return resource(
        "AWS::ElasticLoadBalancingV2::ListenerRule",
        {
            "ListenerArn": ref("BalancerListener"),
            "Priority": priority,
            "Conditions": [{"Field": "host-header", "HostHeaderConfig": {"Values": [ref(host)]}}],
            "Actions": [{"Type": "forward", "TargetGroupArn": ref(targets)}],
        },
    )
