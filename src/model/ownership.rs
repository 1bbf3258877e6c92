//! Ownership tags: they are part of each create call, and identify the owner of a resource when everything else is lost.

use jiff::Timestamp;

use super::Tags;

/// The tag prefix that user tags cannot use (the CRDs refuse it), so that no user tag can override ownership.
pub const PREFIX: &str = "ami-operator.dev/";
/// The cluster: the `--cluster-id` option, or the UID of the namespace `kube-system`.
pub const CLUSTER_ID: &str = "ami-operator.dev/cluster-id";
/// The UID of the object that the resource was created for; together with [`CLUSTER_ID`] it identifies the owner.
pub const UID: &str = "ami-operator.dev/uid";
/// The kind of that object.
pub const KIND: &str = "ami-operator.dev/kind";
/// The namespace of that object.
pub const NAMESPACE: &str = "ami-operator.dev/namespace";
/// The name of that object.
pub const NAME: &str = "ami-operator.dev/name";
/// The attempt that created the resource, counted from 1.
pub const ATTEMPT: &str = "ami-operator.dev/attempt";
/// What the resource is for: see [`Role`].
pub const ROLE: &str = "ami-operator.dev/role";
/// Time in RFC 3339 after which a builder may be removed even if its object is unknown. A sweep also sets it on the snapshots of
/// an image that was never available, before it removes the image.
pub const DELETE_AFTER: &str = "ami-operator.dev/delete-after";

/// How many tags users may set: EC2 allows 50 per resource, and the operator needs the eight above.
pub const MAX_USER_TAGS: usize = 42;

/// The object that a resource is created for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// Distinguishes clusters that share an account.
    pub cluster_id: String,
    /// `metadata.uid`: an object that is deleted and created again under the same name is a different owner.
    pub uid: String,
    pub kind: &'static str,
    pub namespace: String,
    pub name: String,
}

/// What a resource is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The instance that is customized, its volumes and network interface.
    Builder,
    /// The image of a build and its snapshots.
    Image,
    /// A regional copy and its snapshots.
    Copy,
    /// An SSM parameter that publishes an image.
    Parameter,
}

impl Role {
    /// Whether a resource with these tags has this role.
    pub fn is_of(self, tags: &Tags) -> bool {
        tags.get(ROLE).is_some_and(|role| role == self.as_str())
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::Builder => "builder",
            Self::Image => "image",
            Self::Copy => "copy",
            Self::Parameter => "parameter",
        }
    }
}

impl Owner {
    /// The tags of `user` with the ownership tags added; the latter take precedence.
    pub fn tags(&self, user: &Tags, role: Role, attempt: i32, delete_after: Option<Timestamp>) -> Tags {
        let mut tags = user.clone();
        let mut put = |key: &str, value: &str| tags.insert(key.to_owned(), tag_value(value));
        put(CLUSTER_ID, &self.cluster_id);
        put(UID, &self.uid);
        put(KIND, self.kind);
        put(NAMESPACE, &self.namespace);
        put(NAME, &self.name);
        put(ATTEMPT, &attempt.to_string());
        put(ROLE, role.as_str());
        if let Some(time) = delete_after {
            put(DELETE_AFTER, &time.to_string());
        }
        tags
    }

    /// Whether a resource with these tags was created for this object, in any attempt.
    pub fn owns(&self, tags: &Tags) -> bool {
        let has = |key: &str, value: &str| tags.get(key).is_some_and(|v| v == value);
        has(CLUSTER_ID, &self.cluster_id) && has(UID, &self.uid)
    }

    /// The attempt that created a resource with these tags for this object.
    pub fn attempt_of(&self, tags: &Tags) -> Option<i32> {
        tags.get(ATTEMPT).filter(|_| self.owns(tags))?.parse().ok()
    }

    /// Whether a resource with these tags was created for this object in this attempt.
    pub fn owns_attempt(&self, tags: &Tags, attempt: i32) -> bool {
        self.owns(tags) && tags.get(ATTEMPT).is_some_and(|v| *v == attempt.to_string())
    }
}

/// EC2 allows 256 characters per value, and a Kubernetes name has at most 253; cut only for safety.
fn tag_value(value: &str) -> String {
    value.chars().take(256).collect()
}
