//! The operator's process: how it starts, stops and dies.

use std::time::{Duration, Instant};

use harness::Profile;

use super::stand::{Stand, build, installed, pass, replication};

#[test]
fn sigterm_ends_it_within_ten_seconds_and_the_next_one_goes_on() {
    let stand = Stand::new(Profile::Demo);
    let operator = stand.start();
    stand.apply(&build("web", "true"));
    stand.apply(&replication("web"));
    stand.until_launched("imagebuild/web");
    let begin = Instant::now();
    let status = operator.stop().expect("stops");
    assert!(status.success(), "{status}");
    assert!(begin.elapsed() < Duration::from_secs(10));
    let _operator = stand.start();
    stand.assert_made_once();
}

#[test]
fn sigkill_in_the_middle_brings_nothing_twice() {
    let stand = Stand::new(Profile::Demo);
    stand.apply(&build("web", "true"));
    stand.apply(&replication("web"));
    for pause in [300, 900, 2_000, 5_000] {
        let operator = stand.start();
        pass(Duration::from_millis(pause));
        operator.kill();
    }
    let _operator = stand.start();
    stand.assert_made_once();
}

#[test]
fn health_and_metrics_are_served() {
    let stand = Stand::new(Profile::Test);
    let operator = stand.start();
    stand.apply(&build("web", "true"));
    stand.until("imagebuild/web", "Succeeded");
    assert_eq!(operator.page("/livez").expect("alive"), "ok\n");
    let metrics = operator.page("/metrics").expect("metrics");
    assert!(
        metrics.contains(
            r#"ami_operator_aws_calls_total{action="RunInstances",region="us-east-1",result="Success"} 1"#
        ),
        "{metrics}"
    );
    assert!(metrics.contains(r#"ami_operator_builds_finished_total{result="Succeeded"} 1"#), "{metrics}");
}

#[test]
fn its_service_account_may_do_no_more_than_its_work() {
    let (control_plane, kubeconfig) = installed();
    let kubectl = control_plane.kubectl().expect("kubectl").with_kubeconfig(kubeconfig);
    let can = |verb: &str, what: &str| {
        kubectl
            .run(&["auth", "can-i", verb, what, "--all-namespaces"])
            .is_ok_and(|answer| answer.trim() == "yes")
    };
    assert!(can("watch", "imagebuilds.ami-operator.dev"));
    assert!(can("patch", "imagebuilds.ami-operator.dev/status"));
    for (verb, what) in [
        ("get", "secrets"),
        ("create", "pods"),
        ("delete", "imagereplications.ami-operator.dev"),
        ("create", "imagebuilds.ami-operator.dev"),
    ] {
        assert!(!can(verb, what), "{verb} {what}");
    }
}
