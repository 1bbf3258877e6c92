//! How AWS is reached: credentials, endpoints, trust, timeouts and retries, and one client for each service and region.

use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use aws_config::{BehaviorVersion, ConfigLoader, SdkConfig};
use aws_sdk_ec2::config::{
    AppName, RuntimeComponents, SharedCredentialsProvider, SharedHttpClient,
    retry::{RetryConfig, RetryPartition},
    timeout::TimeoutConfig,
};
use aws_smithy_http_client::{
    Builder, Connector,
    proxy::ProxyConfig,
    tls::{Provider, TlsContext, TrustStore, rustls_provider::CryptoMode},
};
use rustls::{
    RootCertStore,
    pki_types::{CertificateDer, pem::PemObject},
};

use crate::{ec2::timing, model::Region};

/// What a user can say about the way to AWS. Credentials come from the SDK's own chain: environment, profile, web identity
/// (IRSA), EKS Pod Identity, instance metadata.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AwsSettings {
    /// The region for account-wide calls and for STS.
    pub home: Region,
    /// One URL for all services; not set: the AWS endpoints (or the SDK's environment variables).
    pub endpoint_url: Option<String>,
    /// PEM file with certificates to trust in addition to the system's.
    pub ca_bundle: Option<PathBuf>,
}

impl AwsSettings {
    /// The default region, which is enabled in every account of the partition `aws`.
    pub const DEFAULT_HOME: &'static str = "us-east-1";
}

impl Default for AwsSettings {
    fn default() -> Self {
        Self { home: Self::DEFAULT_HOME.into(), endpoint_url: None, ca_bundle: None }
    }
}

/// Why the AWS client cannot be created.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    #[error("cannot read the CA bundle {}", .path.display())]
    CaBundleUnreadable { path: PathBuf, source: std::io::Error },
    #[error("the CA bundle {} is not a list of PEM certificates: {reason}", .path.display())]
    CaBundleInvalid { path: PathBuf, reason: String },
}

/// The clients of one region. They share its credentials, but no retry budget.
#[derive(Clone, Debug)]
pub(super) struct RegionClients {
    pub ec2: aws_sdk_ec2::Client,
    /// Never retries: an ambiguous answer to a create call is settled by looking, and missing capacity (an HTTP 500,
    /// which the SDK would repeat) must not eat up the few tokens of `RunInstances`.
    pub ec2_once: aws_sdk_ec2::Client,
    pub ssm: aws_sdk_ssm::Client,
    /// Never retries: a command has no token, so that the SDK's second try after a lost answer would run it twice.
    pub ssm_once: aws_sdk_ssm::Client,
    pub sts: aws_sdk_sts::Client,
}

/// Clients by region, made when first asked for.
#[derive(Debug)]
pub(super) struct Clients {
    shared: SdkConfig,
    regions: Mutex<HashMap<Region, Arc<RegionClients>>>,
}

impl Clients {
    pub(super) async fn connect(settings: &AwsSettings) -> Result<Self, ConnectError> {
        let mut loader = aws_config::defaults(BehaviorVersion::latest())
            .region(aws_config::Region::new(settings.home.0.clone()))
            .app_name(app_name())
            .timeout_config(timeouts())
            .retry_config(retries());
        if let Some(url) = &settings.endpoint_url {
            loader = loader.endpoint_url(url);
        }
        Ok(Self::of(trusting(loader, settings.ca_bundle.clone())?.load().await))
    }

    pub(super) fn with_http_client(http: SharedHttpClient, credentials: SharedCredentialsProvider) -> Self {
        let builder = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .app_name(app_name())
            .timeout_config(timeouts())
            .retry_config(retries())
            .http_client(http)
            .credentials_provider(credentials);
        Self::of(builder.build())
    }

    fn of(shared: SdkConfig) -> Self {
        Self { shared, regions: Mutex::default() }
    }

    pub(super) fn of_region(&self, region: &Region) -> Arc<RegionClients> {
        let mut regions = self.regions.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(regions.entry(region.clone()).or_insert_with(|| Arc::new(self.make(region))))
    }

    fn make(&self, region: &Region) -> RegionClients {
        let shared = self.shared.to_builder().region(aws_config::Region::new(region.0.clone())).build();
        let ec2 = aws_sdk_ec2::config::Builder::from(&shared).retry_partition(partition("ec2", region));
        let ssm = aws_sdk_ssm::config::Builder::from(&shared).retry_partition(partition("ssm", region));
        let sts = aws_sdk_sts::config::Builder::from(&shared).retry_partition(partition("sts", region));
        RegionClients {
            ec2: aws_sdk_ec2::Client::from_conf(ec2.clone().build()),
            ec2_once: aws_sdk_ec2::Client::from_conf(ec2.retry_config(RetryConfig::disabled()).build()),
            ssm: aws_sdk_ssm::Client::from_conf(ssm.clone().build()),
            ssm_once: aws_sdk_ssm::Client::from_conf(ssm.retry_config(RetryConfig::disabled()).build()),
            sts: aws_sdk_sts::Client::from_conf(sts.build()),
        }
    }
}

/// A retry budget of its own: those that the SDK makes by itself are shared by all clients of the process that have
/// the same region, whatever their account.
fn partition(service: &str, region: &Region) -> RetryPartition {
    RetryPartition::custom(format!("{service}-{region}")).build()
}

/// The SDK sets no limit but for connecting, and a call that hangs would hold up its object for ever.
fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(timing::CONNECTING)
        .operation_attempt_timeout(timing::ONE_ATTEMPT)
        .operation_timeout(timing::ALL_ATTEMPTS)
        .build()
}

fn retries() -> RetryConfig {
    RetryConfig::standard().with_max_attempts(3)
}

fn app_name() -> AppName {
    AppName::new(concat!("ami-operator-", env!("CARGO_PKG_VERSION")))
        .expect("letters, digits, dashes and dots")
}

fn trusting(loader: ConfigLoader, bundle: Option<PathBuf>) -> Result<ConfigLoader, ConnectError> {
    let Some(path) = bundle else { return Ok(loader) };
    let pem = match std::fs::read(&path) {
        Ok(pem) => pem,
        Err(source) => return Err(ConnectError::CaBundleUnreadable { path, source }),
    };
    check_certificates(&pem).map_err(|reason| ConnectError::CaBundleInvalid { path, reason })?;
    let context =
        TlsContext::builder().with_trust_store(TrustStore::default().with_pem_certificate(pem)).build();
    Ok(loader.http_client(https_client(context.expect("building a context has no way to fail"))))
}

/// Beforehand, as the SDK panics at the first call over a certificate that it cannot read.
fn check_certificates(pem: &[u8]) -> Result<(), String> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let certificate = certificate.map_err(|error| error.to_string())?;
        roots.add(certificate).map_err(|error| error.to_string())?;
    }
    if roots.is_empty() { Err("it holds none".to_owned()) } else { Ok(()) }
}

/// As the SDK's own, the proxy of the environment included, but with these trust roots. (`build_https` knows of no
/// proxy, and a private CA is most often the proxy's.)
fn https_client(context: TlsContext) -> SharedHttpClient {
    Builder::new().build_with_connector_fn(move |settings, components| {
        let mut connector = Connector::builder()
            .proxy_config(ProxyConfig::from_env())
            .tls_provider(Provider::Rustls(CryptoMode::AwsLc))
            .tls_context(context.clone());
        connector.set_connector_settings(settings.cloned());
        connector.set_sleep_impl(components.and_then(RuntimeComponents::sleep_impl));
        connector.build()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn refusal(bundle: &std::path::Path) -> String {
        let settings = AwsSettings { ca_bundle: Some(bundle.to_owned()), ..AwsSettings::default() };
        Clients::connect(&settings).await.unwrap_err().to_string()
    }

    #[tokio::test]
    async fn a_ca_bundle_that_is_not_there_is_refused_at_once() {
        assert_eq!(refusal("missing.pem".as_ref()).await, "cannot read the CA bundle missing.pem");
    }

    #[test]
    fn a_ca_bundle_without_certificates_is_refused() {
        assert_eq!(check_certificates(b"nothing").unwrap_err(), "it holds none");
    }

    #[test]
    fn a_certificate_that_cannot_be_read_is_refused() {
        let pem = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        assert!(check_certificates(pem).is_err());
    }
}
