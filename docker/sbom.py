"""Write what an image consists of, as CycloneDX 1.5 JSON: packages of Python and of Debian, models.

Run in the finished image while it is built, so that it names what is there and not what was asked
for. Standard library only; equal images give equal documents.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import platform
import re
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

SPEC_VERSION = "1.5"
_DPKG = Path("/var/lib/dpkg/status")
_MODELS = Path("/models/registry.json")
_NAMESPACE = uuid.UUID("5b1d3c52-3a55-5e0e-9f5c-6f9a3a3f2f66")

Component = dict[str, Any]


def python_packages() -> Iterator[Component]:
    """What is installed beside the interpreter that runs this."""
    for distribution in importlib.metadata.distributions():
        name = re.sub(r"[-_.]+", "-", distribution.metadata["Name"]).lower()
        purl = f"pkg:pypi/{name}@{quote(distribution.version, safe='.')}"
        yield _component("library", name, distribution.version, purl, _license(distribution))


def _license(distribution: importlib.metadata.Distribution) -> str:
    """The licence as the package states it, shortened to a name; empty where it states none."""
    metadata = distribution.metadata
    for field in ("License-Expression", "License"):
        text = (metadata[field] or "").strip().partition("\n")[0] if field in metadata else ""
        if 0 < len(text) <= 100:
            return text
    names = [line.rpartition(" :: ")[2] for line in metadata.get_all("Classifier") or []
             if line.startswith("License :: ")]  # fmt: skip
    return " AND ".join(names)


def debian_packages(status: str) -> Iterator[Component]:
    """What dpkg has installed; *status* is the text of its database."""
    for paragraph in status.split("\n\n"):
        fields = dict(re.findall(r"^([A-Za-z-]+): (.*)$", paragraph, flags=re.MULTILINE))
        if not fields.get("Status", "").endswith(" installed"):
            continue
        name, version, arch = fields["Package"], fields["Version"], fields["Architecture"]
        purl = f"pkg:deb/debian/{quote(name)}@{quote(version, safe='.')}?arch={arch}"
        yield _component("library", name, version, purl)


def models(registry: str) -> Iterator[Component]:
    """The models that are in the image; *registry* is the text of their registry."""
    for entry, facts in json.loads(registry)["models"].items():
        name, _, version = entry.partition("@")
        model = _component("machine-learning-model", name, version, f"pkg:generic/{name}@{version}")
        model["hashes"] = [{"alg": "SHA-256", "content": facts["sha256"]}]
        yield model


def _component(kind: str, name: str, version: str, purl: str, license_name: str = "") -> Component:
    found: Component = {
        "type": kind, "bom-ref": purl, "name": name, "version": version, "purl": purl,
    }  # fmt: skip
    if license_name:
        found["licenses"] = [{"license": {"name": license_name}}]
    return found


def document(name: str, version: str, components: list[Component]) -> dict[str, Any]:
    """The whole document. Its serial number follows from its content."""
    unique = {component["bom-ref"]: component for component in components}
    listed = [unique[key] for key in sorted(unique)]
    image = _component("container", name, version, f"pkg:oci/{name}@{quote(version, safe='.')}")
    image["properties"] = [{"name": "architecture", "value": platform.machine()}]
    serial = uuid.uuid5(_NAMESPACE, json.dumps([image, listed], sort_keys=True))
    return {
        "bomFormat": "CycloneDX",
        "specVersion": SPEC_VERSION,
        "serialNumber": f"urn:uuid:{serial}",
        "version": 1,
        "metadata": {"component": image},
        "components": listed,
    }


def main() -> int:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--name", required=True, help="of the image")
    parser.add_argument("--version", required=True, help="of the release")
    parser.add_argument("target", type=Path)
    options = parser.parse_args()
    components = list(python_packages())
    if _DPKG.is_file():
        components += debian_packages(_DPKG.read_text(encoding="utf-8"))
    if _MODELS.is_file():
        components += models(_MODELS.read_text(encoding="utf-8"))
    bom = document(options.name, options.version, components)
    options.target.write_text(json.dumps(bom, indent=1) + "\n", encoding="utf-8")
    print(f"sbom: {len(bom['components'])} components in {options.target}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
