"""Checks rendered manifests against the API's types: python3 check.py FILE... Findings go to stdout, one on a line.

The types of the built-in kinds are those of Debian's python3-kubernetes (Kubernetes 1.22, generated from the API server's own OpenAPI document): every field must be one of its type and
have a value of its type, and what is required must be there. Newer fields that the chart uses are named below, with the version that brought them; kinds that came later or belong to
others have their shape written down here. A real API server checks more (names, enums, CEL): "kubectl apply --server-side --dry-run=server" says what is left.
"""
import datetime
import re
import sys

import yaml
import kubernetes.client as api

# Since 1.25 in CRDs.
NEWER = {"V1JSONSchemaProps": {"x-kubernetes-validations": [{"rule": str, "message": str, "fieldPath?": str, "reason?": str, "messageExpression?": str, "optionalOldSelf?": bool}]}}

META = "V1ObjectMeta"
# "name?" may be missing; a string is a type of the library, a list holds what it holds, a function says whether a value is good.
SHAPES = {
    # Since 1.30.
    "admissionregistration.k8s.io/v1 ValidatingAdmissionPolicy": {
        "metadata": META,
        "spec": {
            "failurePolicy?": str,
            "matchConstraints": {"resourceRules": [{"apiGroups": [str], "apiVersions": [str], "operations": [str], "resources": [str], "scope?": str, "resourceNames?": [str]}]},
            "matchConditions?": [{"name": str, "expression": str}],
            "variables?": [{"name": str, "expression": str}],
            "validations": [{"expression": str, "message?": str, "messageExpression?": str, "reason?": str}],
        },
    },
    "admissionregistration.k8s.io/v1 ValidatingAdmissionPolicyBinding": {"metadata": META, "spec": {"policyName": str, "validationActions": [str]}},
    # The Prometheus operator's.
    "monitoring.coreos.com/v1 ServiceMonitor": {
        "metadata": META,
        "spec": {
            "selector": "V1LabelSelector",
            "endpoints": [{"port": str, "path?": str, "interval?": str, "relabelings?": [{"sourceLabels?": [str], "targetLabel?": str, "regex?": str, "replacement?": str, "action?": str}]}],
        },
    },
    "monitoring.coreos.com/v1 PrometheusRule": {
        "metadata": META,
        "spec": {"groups": [{"name": str, "rules": [{"alert": str, "expr": str, "for?": str, "labels?": {str: str}, "annotations?": {str: str}}]}]},
    },
}
# All at v1, which the library's names begin with.
GROUPS = {"v1", "apps/v1", "batch/v1", "policy/v1", "rbac.authorization.k8s.io/v1", "networking.k8s.io/v1", "apiextensions.k8s.io/v1"}
PRIMITIVES = {"str": str, "int": int, "bool": bool, "float": (int, float), "object": object, "datetime": (str, datetime.datetime)}


class UniqueKeys(yaml.SafeLoader):
    """YAML 1.1 takes the last of two equal keys; an API server's strict decoding takes none."""


def unique_map(loader, node):
    seen = set()
    for key, _ in node.value:
        if key.value in seen:
            raise yaml.constructor.ConstructorError(None, None, f"the key {key.value} is there twice", key.start_mark)
        seen.add(key.value)
    return yaml.SafeLoader.construct_mapping(loader, node, True)


UniqueKeys.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, lambda loader, node: unique_map(loader, node))


def typed(value, name, at):
    """A value of a type that the library names as its generator does: str, list[V1Pod], dict(str, object), V1Pod."""
    if inner := re.fullmatch(r"list\[(.+)\]", name):
        yield from listed(value, lambda v, a: typed(v, inner[1], a), at)
    elif inner := re.fullmatch(r"dict\(str, (.+)\)", name):
        yield from mapped(value, lambda v, a: typed(v, inner[1], a), at)
    elif name in PRIMITIVES:
        yield from primitive(value, PRIMITIVES[name], name, at)
    elif not isinstance(value, dict):
        yield f"{at} is {value!r}, which is no {name}"
    else:
        yield from fields(value, getattr(api, name), at)


def fields(value, model, at):
    known = {wire: (attribute, model.openapi_types[attribute]) for attribute, wire in model.attribute_map.items()}
    newer = NEWER.get(model.__name__, {})
    given = {}
    for name, inner in value.items():
        if name in newer:
            yield from shaped(inner, newer[name], f"{at}.{name}")
        elif name not in known:
            yield f"{at}.{name}: {model.__name__} has no such field"
        else:
            given[known[name][0]] = inner
            yield from typed(inner, known[name][1], f"{at}.{name}")
    try:
        model(**given)  # it refuses what lacks a required field
    except ValueError as e:
        yield f"{at}: {e}"


def shaped(value, shape, at):
    if isinstance(shape, type):
        yield from primitive(value, shape, shape.__name__, at)
    elif isinstance(shape, str):
        yield from typed(value, shape, at)
    elif isinstance(shape, list):
        yield from listed(value, lambda v, a: shaped(v, shape[0], a), at)
    elif str in shape:
        yield from mapped(value, lambda v, a: shaped(v, shape[str], a), at)
    elif not isinstance(value, dict):
        yield f"{at} is {value!r}, which is no object"
    else:
        known = {name.rstrip("?"): inner for name, inner in shape.items()}
        for name in value.keys() - known.keys():
            yield f"{at}.{name}: there is no such field"
        for name in shape.keys() - value.keys():
            if not name.endswith("?"):
                yield f"{at}.{name} is missing"
        for name in value.keys() & known.keys():
            yield from shaped(value[name], known[name], f"{at}.{name}")


def listed(value, check, at):
    if not isinstance(value, list):
        yield f"{at} is {value!r}, which is no list"
        return
    for i, item in enumerate(value):
        yield from check(item, f"{at}[{i}]")


def mapped(value, check, at):
    if not isinstance(value, dict):
        yield f"{at} is {value!r}, which is no map"
        return
    for key, item in value.items():
        if not isinstance(key, str):
            yield f"{at}: the key {key!r} is no string"
        yield from check(item, f"{at}.{key}")


def primitive(value, kind, name, at):
    if value is None or not isinstance(value, kind) or (isinstance(value, bool) and kind in (int, (int, float))):
        yield f"{at} is {value!r}, which is no {name}"


def pod(spec, at, have):
    """What an API server checks across the fields of a Pod."""
    volumes = [v["name"] for v in spec.get("volumes", [])]
    if len(volumes) != len(set(volumes)):
        yield f"{at}.volumes: a name is there twice"
    used = set()
    for container in spec.get("initContainers", []) + spec["containers"]:
        name = container["name"]
        used |= {m["name"] for m in container.get("volumeMounts", [])}
        paths = [m["mountPath"] for m in container.get("volumeMounts", [])]
        if len(paths) != len(set(paths)):
            yield f"{at}: container {name} mounts two things at one path"
        ports = {p.get("name") for p in container.get("ports", [])}
        for probe in ("livenessProbe", "readinessProbe", "startupProbe"):
            port = container.get(probe, {}).get("httpGet", {}).get("port")
            if isinstance(port, str) and port not in ports:
                yield f"{at}: {probe} of container {name} asks port {port}, which it does not have"
        if spec.get("hostNetwork") and any(p.get("hostPort", p["containerPort"]) != p["containerPort"] for p in container.get("ports", [])):
            yield f"{at}: container {name} is on the host's network with another hostPort"
    for name in used ^ set(volumes):
        yield f"{at}: volume {name} is {'mounted, but not there' if name in used else 'mounted by nobody'}"
    account = spec.get("serviceAccountName")
    if account and ("ServiceAccount", account) not in have:
        yield f"{at}: there is no ServiceAccount {account}"


def across(document, at, have):
    """What an object says about others, and about itself."""
    kind, spec = document["kind"], document.get("spec", {})
    if kind in ("Deployment", "DaemonSet"):
        labels = spec["template"]["metadata"]["labels"]
        for name, value in spec["selector"]["matchLabels"].items():
            if labels.get(name) != value:
                yield f"{at}: the selector's {name}={value} is no label of the template"
    if kind in ("Deployment", "DaemonSet", "Job"):
        yield from pod(spec["template"]["spec"], at, have)
    elif kind == "Pod":
        yield from pod(spec, at, have)
    elif kind in ("RoleBinding", "ClusterRoleBinding"):
        if (document["roleRef"]["kind"], document["roleRef"]["name"]) not in have:
            yield f"{at}: there is no {document['roleRef']['kind']} {document['roleRef']['name']}"
        for subject in document["subjects"]:
            if subject["kind"] == "ServiceAccount" and ("ServiceAccount", subject["name"]) not in have:
                yield f"{at}: there is no ServiceAccount {subject['name']}"
    elif kind == "ValidatingAdmissionPolicyBinding" and ("ValidatingAdmissionPolicy", spec["policyName"]) not in have:
        yield f"{at}: there is no ValidatingAdmissionPolicy {spec['policyName']}"
    elif kind == "ConfigMap":
        for file, text in document["data"].items():
            if file.endswith(".yaml"):
                yield from documents(text, f"{at}, {file}", have)


def one(document, at, have):
    kind, version = document.get("kind"), document.get("apiVersion")
    at = f"{at}: {kind} {document.get('metadata', {}).get('name')}"
    name = f"{version} {kind}"
    if name in SHAPES:
        found = list(shaped({k: v for k, v in document.items() if k not in ("apiVersion", "kind")}, SHAPES[name], at))
    elif version in GROUPS and hasattr(api, f"V1{kind}"):
        found = list(typed(document, f"V1{kind}", at))
    else:
        found = [f"{at}: {name} is no kind that is known here"]
    yield from found
    if not found:
        yield from across(document, at, have)


def documents(text, at, have=frozenset()):
    try:
        parsed = [d for d in yaml.load_all(text, UniqueKeys) if d is not None]
    except yaml.YAMLError as e:
        yield f"{at}: {' '.join(str(e).split())}"
        return
    names = [(d.get("kind"), d.get("metadata", {}).get("namespace"), d.get("metadata", {}).get("name")) for d in parsed]
    for twice in {n for n in names if names.count(n) > 1}:
        yield f"{at}: {twice[0]} {twice[2]} is there twice"
    inside = have | {(kind, name) for kind, _, name in names}
    for document in parsed:
        yield from one(document, at, inside)


for path in sys.argv[1:]:
    with open(path, encoding="utf-8") as file:
        for finding in documents(file.read(), path.rsplit("/", 1)[-1]):
            print(finding)
