//! What users install, on a real API server: the charts, deploy/install.yaml, the samples.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::Duration;

use harness::{ControlPlane, Kubectl, repository};
use serde_json::{Value, json};

const NAMESPACE: &str = "ami-operator-system";
const OPERATOR: &str = "system:serviceaccount:ami-operator-system:ami-operator";
const KINDS: [&str; 2] = ["imagebuilds.ami-operator.dev", "imagereplications.ami-operator.dev"];
const SECONDS: Duration = Duration::from_secs(20);

fn chart(name: &str) -> String {
    repository().join("charts").join(name).to_str().unwrap().to_owned()
}

/// The shared control plane with deploy/install.yaml applied.
fn installed() -> &'static ControlPlane {
    static INSTALLED: OnceLock<()> = OnceLock::new();
    let control_plane = ControlPlane::shared();
    INSTALLED.get_or_init(|| drop(control_plane.install_operator().unwrap()));
    control_plane
}

/// Whether `user` may do that; `more` are the verb, the resource and where.
fn may(kubectl: &Kubectl, user: &str, more: &[&str]) -> bool {
    let answer = kubectl.run(&[&["auth", "can-i", "--as", user], more].concat());
    // kubectl exits with 1 for "no".
    answer.is_ok_and(|text| text.trim() == "yes")
}

#[test]
fn helm_installs_the_operator_and_keeps_the_kinds_on_uninstall() {
    let control_plane = ControlPlane::start().unwrap();
    let kubectl = control_plane.kubectl().unwrap().in_namespace("ops");
    let install = ["install", "images", &chart("ami-operator"), "--namespace", "ops", "--create-namespace"];

    control_plane.helm(&install).unwrap();

    let deployment = kubectl.get(&["deployment", "images-ami-operator"]).unwrap();
    assert_eq!(deployment["spec"]["template"]["spec"]["serviceAccountName"], "images-ami-operator");
    kubectl.run(&[&["get", "crd"], &KINDS[..]].concat()).unwrap();

    control_plane.helm(&["uninstall", "images", "--namespace", "ops"]).unwrap();

    kubectl.wait_until_gone(&["deployment", "images-ami-operator"], SECONDS).unwrap();
    kubectl.run(&[&["get", "crd"], &KINDS[..]].concat()).unwrap();
}

#[test]
fn the_kinds_can_be_a_release_of_their_own() {
    let control_plane = ControlPlane::start().unwrap();
    let kubectl = control_plane.kubectl().unwrap();

    control_plane
        .helm(&["install", "kinds", &chart("ami-operator-crds"), "--set", "annotations.team=images"])
        .unwrap();
    control_plane
        .helm(&["install", "operator", &chart("ami-operator"), "--set", "crds.enabled=false"])
        .unwrap();

    for kind in KINDS {
        let annotations = &kubectl.get(&["crd", kind]).unwrap()["metadata"]["annotations"];
        assert_eq!(annotations["team"], "images");
        assert_eq!(annotations["helm.sh/resource-policy"], "keep");
        assert_eq!(annotations["meta.helm.sh/release-name"], "kinds");
    }
}

#[test]
fn an_operator_for_some_namespaces_gets_no_rights_elsewhere() {
    let control_plane = ControlPlane::start().unwrap();
    let kubectl = control_plane.kubectl().unwrap();
    kubectl.run(&["create", "namespace", "team-a"]).unwrap();
    let values = ["--set", "watch.namespaces={team-a}", "--set", "clusterID=c-1"];
    let install =
        ["install", "ami-operator", &chart("ami-operator"), "--namespace", NAMESPACE, "--create-namespace"];

    control_plane.helm(&[&install[..], &values[..]].concat()).unwrap();

    assert!(may(&kubectl, OPERATOR, &["list", KINDS[0], "--namespace", "team-a"]));
    assert!(!may(&kubectl, OPERATOR, &["list", KINDS[0], "--namespace", "default"]));
    assert!(!may(&kubectl, OPERATOR, &["get", "namespace/kube-system"]));
    let deployment = kubectl.in_namespace(NAMESPACE).get(&["deployment", "ami-operator"]).unwrap();
    let environment =
        deployment["spec"]["template"]["spec"]["containers"][0]["env"].as_array().unwrap().clone();
    assert!(environment.contains(&json!({"name": "AMI_OPERATOR_WATCH_NAMESPACES", "value": "team-a"})));
    assert!(environment.contains(&json!({"name": "AMI_OPERATOR_CLUSTER_ID", "value": "c-1"})));
}

#[test]
fn every_option_of_the_chart_gives_objects_that_the_server_takes() {
    let control_plane = ControlPlane::shared();
    let kubectl = control_plane.kubectl().unwrap();
    let values = control_plane.run_dir().path().join("values.yaml");
    std::fs::write(&values, EVERY_OPTION).unwrap();
    let values = values.to_str().unwrap();

    let manifests =
        control_plane.helm(&["template", "all", &chart("ami-operator"), "--values", values]).unwrap();

    // The kind of the Prometheus operator is not served here.
    let (monitors, others): (Vec<&str>, Vec<&str>) =
        manifests.split("\n---\n").partition(|manifest| manifest.contains("kind: ServiceMonitor"));
    assert_eq!(monitors.len(), 1);
    let applied = kubectl
        .run_with_input(&["apply", "--server-side", "--dry-run=server", "-f", "-"], &others.join("\n---\n"))
        .unwrap();
    for object in ["networkpolicy", "poddisruptionbudget", "service/", "deployment", "configmap/extra"] {
        assert!(applied.contains(object), "{object} is missing in\n{applied}");
    }
}

#[test]
fn a_misspelt_value_is_refused() {
    let control_plane = ControlPlane::shared();
    let template = ["template", "x", &chart("ami-operator"), "--set", "watch.namespace=a"];

    let error = control_plane.helm(&template).unwrap_err().to_string();

    assert!(error.contains("namespace"), "{error}");
}

#[test]
fn the_operator_may_do_its_work_and_nothing_else() {
    let control_plane = installed();
    let kubectl = control_plane.kubectl().unwrap();
    for kind in KINDS {
        for verb in ["get", "list", "watch", "patch"] {
            assert!(may(&kubectl, OPERATOR, &[verb, kind, "--all-namespaces"]), "{verb} {kind}");
        }
        assert!(may(&kubectl, OPERATOR, &["patch", kind, "--subresource", "status", "--all-namespaces"]));
        let expires = kind.starts_with("imagebuilds");
        assert_eq!(may(&kubectl, OPERATOR, &["delete", kind, "--all-namespaces"]), expires, "delete {kind}");
        assert!(!may(&kubectl, OPERATOR, &["create", kind, "--all-namespaces"]), "create {kind}");
    }
    assert!(may(&kubectl, OPERATOR, &["create", "events.events.k8s.io", "--all-namespaces"]));
    assert!(may(&kubectl, OPERATOR, &["get", "namespace/kube-system"]));
    assert!(!may(&kubectl, OPERATOR, &["get", "namespace/default"]));
    assert!(may(&kubectl, OPERATOR, &["get", "configmaps", "--all-namespaces"]));
    for verb in ["list", "watch", "patch"] {
        assert!(!may(&kubectl, OPERATOR, &[verb, "configmaps", "--all-namespaces"]), "{verb} configmaps");
    }
    for resource in ["secrets", "pods", "serviceaccounts"] {
        assert!(!may(&kubectl, OPERATOR, &["get", resource, "--all-namespaces"]), "get {resource}");
    }
}

#[test]
fn viewers_and_editors_of_a_namespace_get_the_kinds_but_not_their_status() {
    let control_plane = installed();
    let kubectl = control_plane.kubectl().unwrap().in_namespace("default");
    for role in ["view", "edit"] {
        let user = format!("--user={role}er");
        kubectl.run(&["create", "rolebinding", role, &format!("--clusterrole={role}"), &user]).unwrap();
    }

    // The controller manager puts the roles together a moment after they are installed.
    harness::wait_for("the roles", SECONDS, || {
        Ok(may(&kubectl, "editer", &["create", KINDS[0]]).then_some(()))
    })
    .unwrap();
    assert!(may(&kubectl, "viewer", &["list", KINDS[1]]));
    assert!(!may(&kubectl, "viewer", &["create", KINDS[1]]));
    assert!(!may(&kubectl, "editer", &["patch", KINDS[0], "--subresource", "status"]));
}

#[test]
fn the_pod_meets_the_restricted_security_standard() {
    let control_plane = installed();
    let kubectl = control_plane.kubectl().unwrap().in_namespace(NAMESPACE);
    let deployment = kubectl.get(&["deployment", "ami-operator"]).unwrap();
    let mut pod = deployment["spec"]["template"].clone();
    pod["apiVersion"] = json!("v1");
    pod["kind"] = json!("Pod");
    pod["metadata"]["name"] = json!("probe");

    // The namespace enforces the standard on Pods, not on what makes them.
    kubectl.run_with_input(&["create", "--dry-run=server", "-f", "-"], &pod.to_string()).unwrap();

    pod["spec"]["containers"][0]["securityContext"] = Value::Null;
    let error =
        kubectl.run_with_input(&["create", "--dry-run=server", "-f", "-"], &pod.to_string()).unwrap_err();
    assert!(error.to_string().contains("restricted"), "{error}");
}

#[test]
fn the_server_takes_every_sample() {
    let control_plane = installed();
    let kubectl = control_plane.kubectl().unwrap().in_namespace("default");
    let samples = std::fs::read_dir(repository().join("deploy/samples")).unwrap();
    let samples: Vec<PathBuf> = samples.map(|entry| entry.unwrap().path()).collect();
    assert!(samples.len() >= 6);
    for sample in samples {
        let arguments = ["apply", "--server-side", "--dry-run=server", "-f", sample.to_str().unwrap()];
        // Only a strict decoder says that a field does not exist.
        kubectl.run(&[&arguments[..], &["--validate=strict"]].concat()).unwrap();
    }
}

const EVERY_OPTION: &str = r#"
image: {digest: "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"}
imagePullSecrets: [{name: registry}]
commonLabels: {team: images}
crds: {annotations: {a: b}}
serviceAccount: {annotations: {eks.amazonaws.com/role-arn: "arn:aws:iam::111122223333:role/ami-operator"}}
aws: {endpointURL: "https://proxy.example", caBundle: /ca/bundle.pem, region: eu-west-1, pollInterval: 10s, maxCopiesPerRegion: 40}
log: {format: human, level: debug}
sweeper: {enabled: false, interval: 30m, adoptRestored: true}
metrics: {service: {enabled: true, annotations: {a: b}}, serviceMonitor: {enabled: true, labels: {a: b}}}
networkPolicy: {enabled: true, ingressFrom: [{namespaceSelector: {matchLabels: {name: monitoring}}}]}
podDisruptionBudget: {enabled: true}
podAnnotations: {a: b}
podLabels: {a: b}
nodeSelector: {kubernetes.io/os: linux}
tolerations: [{key: a, operator: Exists}]
affinity: {nodeAffinity: {}}
topologySpreadConstraints: [{maxSkew: 1, topologyKey: zone, whenUnsatisfiable: ScheduleAnyway}]
priorityClassName: system-cluster-critical
extraEnv: [{name: A, value: b}]
extraEnvFrom: [{configMapRef: {name: extra}}]
extraVolumes: [{name: ca, configMap: {name: extra}}]
extraVolumeMounts: [{name: ca, mountPath: /ca, readOnly: true}]
extraObjects:
- {apiVersion: v1, kind: ConfigMap, metadata: {name: extra}, data: {release: "{{ .Release.Name }}"}}
"#;
