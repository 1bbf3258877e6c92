//! The options for the cluster and AWS, for every command that uses both.

use std::{collections::BTreeSet, path::PathBuf, sync::Arc};

use anyhow::Context;
use clap::Args;
use kube::Client;

use crate::{
    controller::{runtime, survey::Scope},
    ec2::aws::{AwsEc2, AwsSettings, CallObserver, ConnectError},
    model::Region,
};

/// Options for the cluster and AWS.
#[derive(Args)]
pub struct Connection {
    /// Region for account-wide calls: the operator's identity and the list of enabled regions. Credentials of the partitions
    /// aws-cn (China) and aws-us-gov are valid only in their own regions: set one of them there.
    #[arg(long, env = "AWS_REGION", default_value = AwsSettings::DEFAULT_HOME)]
    aws_region: String,
    /// One URL for all AWS services, such as a VPC endpoint or a simulator. Default: the AWS endpoints.
    #[arg(long, env = "AMI_OPERATOR_AWS_ENDPOINT_URL")]
    aws_endpoint_url: Option<String>,
    /// PEM file with certificates to trust in addition to the system's.
    #[arg(long, env = "AMI_OPERATOR_AWS_CA_BUNDLE")]
    aws_ca_bundle: Option<PathBuf>,
    /// ID of this cluster in ownership tags; distinguishes clusters that share an AWS account. Default: the UID of namespace
    /// kube-system.
    #[arg(long, env = "AMI_OPERATOR_CLUSTER_ID")]
    cluster_id: Option<String>,
    /// Namespaces to watch, separated by commas. Default: all.
    #[arg(long, env = "AMI_OPERATOR_WATCH_NAMESPACES", value_delimiter = ',')]
    watch_namespaces: Vec<String>,
    /// Use once, after a restore from a backup, when objects have new UIDs and their finished AMIs carry the old ones.
    /// Assigns each such AMI to the ImageBuild with its name, and lets the sweep remove what former builds left unfinished.
    #[arg(long, env = "AMI_OPERATOR_ADOPT_RESTORED")]
    pub adopt_restored: bool,
}

impl Connection {
    /// The region for calls that concern no particular region.
    pub fn home(&self) -> Region {
        Region(self.aws_region.clone())
    }

    /// A client for the cluster of KUBECONFIG, or for the one that this process runs in.
    pub async fn kubernetes(&self) -> anyhow::Result<Client> {
        Client::try_default().await.context("no Kubernetes cluster: set KUBECONFIG, or run inside a cluster")
    }

    /// A client for AWS, with the SDK's default credential chain.
    pub async fn aws(&self, observer: Arc<dyn CallObserver>) -> Result<AwsEc2, ConnectError> {
        let settings = AwsSettings {
            home: self.home(),
            endpoint_url: self.aws_endpoint_url.clone(),
            ca_bundle: self.aws_ca_bundle.clone(),
        };
        AwsEc2::connect(&settings, observer).await
    }

    /// The part of the account and the cluster that this operator manages.
    pub async fn scope(&self, client: &Client) -> anyhow::Result<Scope> {
        let cluster_id = match &self.cluster_id {
            Some(id) => id.clone(),
            None => runtime::cluster_uid(client)
                .await
                .context("cannot read namespace kube-system for the cluster id; set --cluster-id")?,
        };
        let namespaces = namespaces(&self.watch_namespaces);
        Ok(Scope { cluster_id, home: self.home(), regions: Vec::new(), namespaces })
    }
}

/// Each once: two controllers over one object would act at the same time.
fn namespaces(given: &[String]) -> Vec<String> {
    let distinct: BTreeSet<String> =
        given.iter().map(|n| n.trim().to_owned()).filter(|n| !n.is_empty()).collect();
    distinct.into_iter().collect()
}
