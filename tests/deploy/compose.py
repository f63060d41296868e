"""What examples/deploy/compose/compose.yaml names is there: files, variables, the proxy's network."""

import re
import tomllib
from pathlib import Path

import yaml

FOLDER = Path("examples/deploy/compose")


def main():
    text = (FOLDER / "compose.yaml").read_text()
    services = yaml.safe_load(text)["services"]
    networks = yaml.safe_load(text)["networks"]
    config = tomllib.loads((FOLDER / "config/oss-vend.toml").read_text())

    [network] = networks["front"]["ipam"]["config"]
    assert config["proxy"]["trusted"] == [network["subnet"]], "the proxy is not trusted"

    given = dict(line.split("=", 1) for line in (FOLDER / "env.example").read_text().split())
    needed = set(re.findall(r"\$\{(\w+):\?\}", text))
    assert given.keys() == needed, (given.keys(), needed)

    for name, service in services.items():
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            assert not source.startswith(".") or (FOLDER / source).exists(), f"{name} mounts {source}, which is not there"
    assert (FOLDER / services["oss-vend"]["build"]["context"] / "Dockerfile").exists()
    port = config["listen"].rsplit(":", 1)[1]
    assert f"reverse_proxy oss-vend:{port}" in (FOLDER / "Caddyfile").read_text()
    assert services["oss-vend"]["read_only"] and services["oss-vend"]["cap_drop"] == ["ALL"]
    print("compose.yaml holds")


if __name__ == "__main__":
    main()
