#!/usr/bin/env python3
"""Holds what the program is made of: licences, sources, packages in two versions, packages that are not wanted, and what
`cargo package` would publish. It reads `cargo metadata` and asks nobody. Known weaknesses of packages cannot be learnt that way:
where there is a network, `cargo audit` compares Cargo.lock with the RustSec database."""

import json
import re
import subprocess
import sys

LICENCES = {
    "0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "BSL-1.0", "CC0-1.0", "ISC", "MIT", "MIT-0", "Unicode-3.0", "Unlicense", "Zlib",
    "Apache-2.0 WITH LLVM-exception",
}
SOURCE = "registry+https://github.com/rust-lang/crates.io-index"
# One TLS library, that of Cargo.toml; and nothing that a maintainer has given up.
UNWANTED = {"openssl", "openssl-sys", "native-tls", "ring", "atty", "dotenv", "failure", "serde_yaml", "time-macros-impl", "term_size"}
# Packages that are linked in two versions, and whose fault that is. A new one wants a look: perhaps an older one can be spared.
TWICE = {
    "const-oid": "rsa", "crypto-common": "rsa", "digest": "rsa", "getrandom": "rsa", "rand": "rsa",
    "rand_core": "rsa",
    "cpufeatures": "const-hex",
    "hashbrown": "dashmap",
    "syn": "macros at build time",
    "synstructure": "macros at build time",
    "tower-http": "reqwest",
}
# Folders that a published package has, and files beside them. The rest is for those who clone the project.
PUBLISHED = ("src/", "config/", "docs/", "examples/")
BESIDE = {
    ".cargo_vcs_info.json", "CHANGELOG.md", "Cargo.lock", "Cargo.toml", "Cargo.toml.orig", "Dockerfile", "LICENSE", "README.md",
    "README.zh-CN.md", "SECURITY.md",
}


def main():
    metadata = json.loads(cargo("metadata", "--locked", "--format-version", "1"))
    packages = metadata["packages"]
    wanted = built_in()
    linked = [package for package in packages if (package["name"], f"v{package['version']}") in wanted]
    faults = [*licences(linked), *sources(packages), *unwanted(linked), *twice(linked), *published()]
    print("\n".join(faults) or f"{len(linked)} packages are built in, and each is in order")
    sys.exit(bool(faults))


def cargo(*arguments):
    return subprocess.run(["cargo", *arguments], check=True, capture_output=True, text=True).stdout


def built_in():
    """Name and version of what the program is built of, without what only tests need, for Linux."""
    tree = cargo(
        "tree", "--locked", "--edges", "normal,build", "--target", "x86_64-unknown-linux-gnu", "--prefix", "none", "--format", "{p}"
    )
    return {tuple(line.split()[:2]) for line in tree.splitlines()}


def licences(linked):
    for package in linked:
        if not allowed(package["license"] or ""):
            yield f"{package['name']} {package['version']}: licence {package['license']!r} is not among those that are allowed"


def allowed(expression):
    """Whether what the licences demand can be met by those that are allowed: AND wants both, OR one."""
    tokens = re.findall(r"[()]|[A-Za-z0-9.+-]+(?: WITH [A-Za-z0-9.-]+)?", expression.replace("/", " OR "))

    def either():
        value = both()
        while tokens and tokens[0] == "OR":
            tokens.pop(0)
            value |= both()
        return value

    def both():
        value = one()
        while tokens and tokens[0] == "AND":
            tokens.pop(0)
            value &= one()
        return value

    def one():
        token = tokens.pop(0)
        if token != "(":
            return token in LICENCES
        value = either()
        tokens.pop(0)
        return value

    return bool(tokens) and either()


def sources(packages):
    for package in packages:
        if package["source"] not in (SOURCE, None):
            yield f"{package['name']}: comes from {package['source']}"


def unwanted(linked):
    for package in linked:
        if package["name"] in UNWANTED:
            yield f"{package['name']}: is not wanted"


def twice(linked):
    names = [package["name"] for package in linked]
    for name in sorted({name for name in names if names.count(name) > 1} - TWICE.keys()):
        versions = ", ".join(package["version"] for package in linked if package["name"] == name)
        yield f"{name}: is there as {versions}; `cargo tree --duplicates` says why. If it has to be, add it to TWICE"


def published():
    for path in cargo("package", "--list", "--allow-dirty", "--locked").split():
        if not path.startswith(PUBLISHED) and path not in BESIDE or "node_modules" in path:
            yield f"{path}: would be published; see `exclude` in Cargo.toml"


def test_of_expressions():
    assert allowed("MIT") and allowed("GPL-3.0 OR MIT") and allowed("(MIT OR GPL-3.0) AND ISC") and allowed("MIT/Apache-2.0")
    assert not allowed("") and not allowed("GPL-3.0") and not allowed("MIT AND GPL-3.0") and not allowed("Apache-2.0 WITH Bison-exception-2.2")


test_of_expressions()
main()
