//! A look at everything of ours in the account and at all objects: AWS first, then Kubernetes, so that what is made
//! meanwhile has an object that is found.

use super::{
    builds,
    cluster::{Cluster, ClusterError, scopes},
    replications,
};
use crate::{
    ec2::{Ec2, ImageFilter, InstanceFilter, SnapshotFilter},
    model::{AwsError, Owner, Region},
    plan::orphans::{Inventory, Listing, Objects, Register},
};

/// The scope of a survey.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    pub cluster_id: String,
    /// The region in which the enabled regions of the account are looked up.
    pub home: Region,
    /// The regions to survey. Empty: all enabled regions of the account, because a deleted object leaves no record of its
    /// regions.
    pub regions: Vec<Region>,
    /// None: all.
    pub namespaces: Vec<String>,
}

/// The result of a survey.
#[derive(Clone, Debug, PartialEq)]
pub struct Survey {
    pub inventories: Vec<Inventory>,
    pub objects: Objects,
    /// Errors of regions that could not be read; the others are complete.
    pub unseen: Vec<AwsError>,
}

/// Why a survey failed.
#[derive(Debug, thiserror::Error)]
pub enum SurveyError {
    #[error("AWS: {0}")]
    Aws(AwsError),
    #[error("Kubernetes: {0}")]
    Kubernetes(ClusterError),
}

/// Surveys the account. A region that cannot be read is left out and reported.
///
/// # Errors
/// The regions are not known, or Kubernetes did not list every object: then no object is provably absent.
pub async fn survey(ec2: &dyn Ec2, cluster: &dyn Cluster, scope: &Scope) -> Result<Survey, SurveyError> {
    let seen = inventories(ec2, scope, None).await?;
    with_objects(cluster, scope, seen).await
}

/// The same without the images of objects that live, of which there may be too many to hold at once.
///
/// # Errors
/// As [`survey`].
pub async fn survey_of_orphans(
    ec2: &dyn Ec2,
    cluster: &dyn Cluster,
    scope: &Scope,
) -> Result<Survey, SurveyError> {
    let living = objects(cluster, scope).await.map_err(SurveyError::Kubernetes)?;
    let seen = inventories(ec2, scope, Some(&Register::of(&living))).await?;
    drop(living);
    with_objects(cluster, scope, seen).await
}

type Seen = (Vec<Inventory>, Vec<AwsError>);

async fn inventories(
    ec2: &dyn Ec2,
    scope: &Scope,
    living: Option<&Register<'_>>,
) -> Result<Seen, SurveyError> {
    let regions = match scope.regions.as_slice() {
        [] => ec2.describe_regions(&scope.home).await.map_err(SurveyError::Aws)?,
        given => given.to_vec(),
    };
    let (mut inventories, mut unseen) = (Vec::new(), Vec::new());
    for region in regions {
        match inventory(ec2, region, &scope.cluster_id, living).await {
            Ok(inventory) => inventories.push(inventory),
            Err(error) => unseen.push(error),
        }
    }
    Ok((inventories, unseen))
}

async fn with_objects(
    cluster: &dyn Cluster,
    scope: &Scope,
    (inventories, unseen): Seen,
) -> Result<Survey, SurveyError> {
    let objects = objects(cluster, scope).await.map_err(SurveyError::Kubernetes)?;
    Ok(Survey { inventories, objects, unseen })
}

async fn inventory(
    ec2: &dyn Ec2,
    region: Region,
    cluster_id: &str,
    living: Option<&Register<'_>>,
) -> Result<Inventory, AwsError> {
    let id = || cluster_id.to_owned();
    let mut listing = Listing::of(region.clone(), living);
    // Images after snapshots: a snapshot that is seen to have no image must not have had it only later.
    let (snapshots, images) = (SnapshotFilter::OfCluster(id()), ImageFilter::OfCluster(id()));
    ec2.visit_snapshots(&region, &snapshots, &mut |snapshot| listing.snapshot(snapshot)).await?;
    ec2.visit_images(&region, &images, &mut |image| listing.image(image)).await?;
    let instances = ec2.describe_instances(&region, &InstanceFilter::OfCluster(id())).await?;
    Ok(listing.with(instances, ec2.describe_volumes(&region, cluster_id).await?))
}

async fn objects(cluster: &dyn Cluster, scope: &Scope) -> Result<Objects, ClusterError> {
    let kinds = vec![builds::KIND, replications::KIND];
    let mut living = Vec::new();
    for kind in &kinds {
        for namespace in scopes(&scope.namespaces) {
            living.extend(cluster.list(kind, namespace).await?.into_iter().map(|object| Owner {
                cluster_id: scope.cluster_id.clone(),
                uid: object.uid,
                kind,
                namespace: object.namespace,
                name: object.name,
            }));
        }
    }
    Ok(Objects { cluster_id: scope.cluster_id.clone(), kinds, namespaces: scope.namespaces.clone(), living })
}
