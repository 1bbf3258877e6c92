//! Every rule of the schema as the real API server applies it.

use harness::Profile;
use kube::{
    Client, Config,
    config::{KubeConfigOptions, Kubeconfig},
};
use serde_json::{Value, json};

use super::stand::{Stand, build};
use crate::api_cases::{Case, cases};

#[test]
fn a_broken_manifest_is_refused_with_what_to_write_instead() {
    let stand = Stand::new(Profile::Test);
    let mut manifest = build("web", "true");
    manifest["spec"]["source"] = json!({});
    let refusal = stand.kubectl.apply(&manifest.to_string()).expect_err("refused");
    assert!(
        format!("{refusal:#}")
            .contains("give exactly one of imageID, ssmParameter, selector, marketplace or imageBuildRef"),
        "{refusal:#}"
    );
}

/// Sends a manifest; the server's message if it refuses.
async fn send(client: &Client, method: &str, path: &str, body: &Value) -> Option<String> {
    let request = http::Request::builder()
        .method(method)
        .uri(format!("{path}fieldValidation=Strict"))
        .header("content-type", "application/json")
        .body(body.to_string().into_bytes())
        .expect("a request");
    client.request::<Value>(request).await.err().map(|error| error.to_string())
}

async fn verdict(client: &Client, namespace: &str, number: usize, case: &Case) -> Option<String> {
    let plural = if case.manifest["kind"] == "ImageBuild" { "imagebuilds" } else { "imagereplications" };
    let path = format!("/apis/ami-operator.dev/v1alpha1/namespaces/{namespace}/{plural}");
    let Some(edit) = &case.edit else {
        return send(client, "POST", &format!("{path}?dryRun=All&"), &case.manifest).await;
    };
    let name = format!("case-{number}");
    let named = |manifest: &Value| {
        let mut manifest = manifest.clone();
        manifest["metadata"]["name"] = json!(name);
        manifest
    };
    let refused = send(client, "POST", &format!("{path}?"), &named(&case.manifest)).await;
    assert_eq!(refused, None, "{}: the object to edit is valid", case.name);
    let current: Value = client
        .request(http::Request::get(format!("{path}/{name}")).body(Vec::new()).expect("a request"))
        .await
        .expect("the object is there");
    let mut edit = named(edit);
    edit["metadata"]["resourceVersion"] = current["metadata"]["resourceVersion"].clone();
    send(client, "PUT", &format!("{path}/{name}?dryRun=All&"), &edit).await
}

#[tokio::test]
async fn the_api_server_says_to_every_case_what_the_list_says() {
    let stand = Stand::new(Profile::Test);
    let (control_plane, _) = super::stand::installed();
    let kubeconfig = Kubeconfig::read_from(control_plane.kubeconfig()).expect("a kubeconfig");
    let config =
        Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.expect("a config");
    let client = Client::try_from(config).expect("a client");
    let mut wrong = Vec::new();
    for (number, case) in cases().iter().enumerate() {
        let answer = verdict(&client, &stand.namespace, number, case).await;
        let right = match (case.refused_with, &answer) {
            (None, None) => true,
            (Some(part), Some(answer)) => answer.contains(part),
            (None, Some(_)) | (Some(_), None) => false,
        };
        if !right {
            wrong
                .push(format!("{}: expected {:?}, the server said {answer:?}", case.name, case.refused_with));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
