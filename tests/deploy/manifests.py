"""The manifests of examples/deploy/kubernetes: each as its schema wants it, and all together as they mean one another."""

from pathlib import Path

import kubernetes_validate
import yaml

FOLDER = Path("examples/deploy/kubernetes")


def documents(path):
    return [document for document in yaml.safe_load_all(path.read_text()) if document]


def the_schemas_hold(manifests):
    for manifest in manifests:
        kubernetes_validate.validate(manifest, kubernetes_validate.latest_version(), strict=True)


def a_wrong_field_would_be_found(manifests):
    wrong = dict(manifests[0], unknown="field")
    try:
        kubernetes_validate.validate(wrong, kubernetes_validate.latest_version(), strict=True)
    except kubernetes_validate.ValidationError:
        return
    raise AssertionError("the validator takes anything")


def the_kustomization_names_every_file():
    listed = documents(FOLDER / "kustomization.yaml")[0]["resources"]
    there = {path.name for path in FOLDER.glob("*.yaml")} - {"kustomization.yaml"}
    assert set(listed) == there, (listed, there)


def what_is_named_is_there(manifests):
    by_kind = {}
    for manifest in manifests:
        by_kind.setdefault(manifest["kind"], {})[manifest["metadata"]["name"]] = manifest
    [deployment] = by_kind["Deployment"].values()
    pod = deployment["spec"]["template"]
    [container] = pod["spec"]["containers"]
    ports = {port["name"] for port in container["ports"]}
    labels = pod["metadata"]["labels"]

    assert pod["spec"]["serviceAccountName"] in by_kind["ServiceAccount"]
    for volume in pod["spec"]["volumes"]:
        assert volume["configMap"]["name"] in by_kind["ConfigMap"]
    for variable in container["env"]:
        reference = variable["valueFrom"]["secretKeyRef"]
        assert reference["key"] in by_kind["Secret"][reference["name"]]["stringData"]
    for service in by_kind["Service"].values():
        assert service["spec"]["selector"].items() <= labels.items()
        assert all(port["targetPort"] in ports for port in service["spec"]["ports"])
    for kind, selector in [("Deployment", "selector"), ("PodDisruptionBudget", "selector"), ("NetworkPolicy", "podSelector")]:
        for manifest in by_kind[kind].values():
            assert manifest["spec"][selector]["matchLabels"].items() <= labels.items(), kind
    for rule in (rule for ingress in by_kind["Ingress"].values() for rule in ingress["spec"]["rules"]):
        for path in rule["http"]["paths"]:
            target = path["backend"]["service"]
            offered = by_kind["Service"][target["name"]]["spec"]["ports"]
            assert target["port"]["name"] in {port["name"] for port in offered}
    for scaler in by_kind["HorizontalPodAutoscaler"].values():
        assert scaler["spec"]["scaleTargetRef"]["name"] == deployment["metadata"]["name"]


def main():
    the_kustomization_names_every_file()
    paths = sorted(path for path in FOLDER.glob("*.yaml") if path.name != "kustomization.yaml")
    manifests = [document for path in paths for document in documents(path)]
    a_wrong_field_would_be_found(manifests)
    the_schemas_hold(manifests)
    what_is_named_is_there(manifests)
    print(f"{len(manifests)} manifests hold")


if __name__ == "__main__":
    main()
