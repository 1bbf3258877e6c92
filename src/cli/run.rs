//! `ami-operator run`: the controller.

use std::{
    collections::BTreeSet, net::SocketAddr, path::PathBuf, process::ExitCode, sync::Arc, time::Duration,
};

use anyhow::Context;
use clap::Args;
use kube::Client;
use tokio::signal::unix::{SignalKind, signal};

use crate::{
    controller::{
        Operator,
        backoff::Backoff,
        dependents::Dependents,
        kube_cluster::KubeCluster,
        runtime::{self, Wakes},
    },
    ec2::{
        Ec2,
        aws::{AwsEc2, AwsSettings},
        clock::Clock,
        poller::{Poller, Tempo},
    },
    model::Region,
    ops::{
        http::{self, Readiness},
        metrics::Metrics,
        telemetry::{self, LogFormat},
    },
};

/// Run the operator against the cluster of KUBECONFIG, or the one that it runs in.
#[derive(Args)]
pub struct RunArgs {
    /// One URL for all AWS services, such as a VPC endpoint or a stand-in for tests. Default: AWS's own endpoints.
    #[arg(long, env = "AMI_OPERATOR_AWS_ENDPOINT_URL")]
    aws_endpoint_url: Option<String>,
    /// PEM file with certificates to trust besides the system's.
    #[arg(long, env = "AMI_OPERATOR_AWS_CA_BUNDLE")]
    aws_ca_bundle: Option<PathBuf>,
    /// Tells clusters that share an AWS account apart. Default: the UID of namespace kube-system.
    #[arg(long, env = "AMI_OPERATOR_CLUSTER_ID")]
    cluster_id: Option<String>,
    /// Namespaces to watch, separated by commas. Default: all.
    #[arg(long, env = "AMI_OPERATOR_WATCH_NAMESPACES", value_delimiter = ',')]
    watch_namespaces: Vec<String>,
    /// How often a region is asked for what is under way, such as 5s.
    #[arg(long, env = "AMI_OPERATOR_POLL_INTERVAL", default_value = "5s", value_parser = duration)]
    poll_interval: Duration,
    /// Where /livez, /readyz and /metrics are served.
    #[arg(long, env = "AMI_OPERATOR_HTTP_LISTEN", default_value = "0.0.0.0:8080")]
    http_listen: SocketAddr,
    #[arg(long, env = "AMI_OPERATOR_LOG_FORMAT", value_enum, default_value = "json")]
    log_format: LogFormat,
    /// A level, or directives such as `info,ami_operator=debug`.
    #[arg(long, env = "AMI_OPERATOR_LOG_LEVEL", default_value = "info")]
    log_level: String,
}

/// For what cannot be interrupted, after the passes had their time to finish.
const LAST_WAIT: Duration = Duration::from_millis(500);

fn duration(text: &str) -> Result<Duration, String> {
    let parsed: kube::core::Duration = text.parse().map_err(|e| format!("{e}"))?;
    let duration = Duration::from(parsed);
    if parsed.is_negative() || duration < Duration::from_millis(100) {
        return Err("give at least 100ms".to_owned());
    }
    Ok(duration)
}

/// Runs until SIGTERM or SIGINT.
///
/// # Errors
/// What keeps the operator from starting: no cluster, a port that is taken, a CA file that cannot be read.
pub fn run(args: RunArgs) -> anyhow::Result<ExitCode> {
    telemetry::start(args.log_format, &args.log_level)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let served = runtime.block_on(serve(args));
    // A name that is being resolved cannot be interrupted, and would hold up the exit for as long as it takes.
    runtime.shutdown_timeout(LAST_WAIT);
    served.map(|()| ExitCode::SUCCESS)
}

async fn serve(args: RunArgs) -> anyhow::Result<()> {
    let metrics = Arc::new(Metrics::default());
    let ready = Readiness::default();
    let listener = http::bind(args.http_listen)
        .await
        .with_context(|| format!("cannot listen on {}", args.http_listen))?;
    tokio::spawn(http::serve(listener, metrics.clone(), ready.clone()));

    let client =
        Client::try_default().await.context("no Kubernetes cluster: set KUBECONFIG, or run inside of one")?;
    let cluster_id = match args.cluster_id {
        Some(id) => id,
        None => runtime::cluster_uid(&client)
            .await
            .context("cannot read namespace kube-system for the cluster id; set --cluster-id")?,
    };
    let settings = AwsSettings { endpoint_url: args.aws_endpoint_url, ca_bundle: args.aws_ca_bundle };
    let ec2: Arc<dyn Ec2> = Arc::new(AwsEc2::connect(&settings, metrics.clone()).await?);
    tokio::spawn(introduce(ec2.clone()));

    let clock = Clock::system();
    let tempo = Tempo { interval: args.poll_interval, ..Tempo::default() };
    let (poller, changed) = Poller::new(ec2.clone(), clock, tempo);
    let (dependents, woken) = Dependents::new();
    let cluster = Arc::new(KubeCluster::new(client.clone()));
    let operator = Operator {
        cluster,
        ec2,
        poller,
        clock,
        cluster_id,
        backoff: Backoff::default(),
        dependents,
        metrics,
    };
    tracing::info!(version = env!("CARGO_PKG_VERSION"), cluster_id = operator.cluster_id, "starting");
    let wakes = Wakes { polled: changed, dependents: woken };
    let announce = || {
        ready.set(true);
        tracing::info!("ready");
    };
    runtime::run(
        Arc::new(operator),
        client,
        &namespaces(args.watch_namespaces),
        wakes,
        announce,
        terminated(),
    )
    .await;
    Ok(())
}

/// Each once: two controllers over one object would act at the same time.
fn namespaces(given: Vec<String>) -> Vec<String> {
    let distinct: BTreeSet<String> =
        given.into_iter().map(|n| n.trim().to_owned()).filter(|n| !n.is_empty()).collect();
    distinct.into_iter().collect()
}

/// Says at the start who AWS takes us for: wrong credentials are found before the first build.
async fn introduce(ec2: Arc<dyn Ec2>) {
    let region = Region(std::env::var("AWS_REGION").unwrap_or_else(|_| "us-east-1".to_owned()));
    match ec2.get_caller_identity(&region).await {
        Ok(account) => tracing::info!(account, "AWS knows us"),
        Err(error) => {
            tracing::warn!(error = crate::status::conditions::explain(&error), "AWS does not know us");
        }
    }
}

async fn terminated() {
    let signals =
        signal(SignalKind::terminate()).and_then(|term| Ok((term, signal(SignalKind::interrupt())?)));
    match signals {
        Ok((mut term, mut int)) => {
            tokio::select! {
                _ = term.recv() => {}
                _ = int.recv() => {}
            }
        }
        Err(error) => {
            tracing::error!(%error, "cannot listen for signals");
            std::future::pending::<()>().await;
        }
    }
}
