//! Ownership tags: they go into each create call, and tell whose a resource is when everything else is lost.

use jiff::Timestamp;

use super::Tags;

/// The tag prefix that user tags cannot use (the CRDs refuse it), so that no user tag can override ownership.
pub const PREFIX: &str = "ami-operator.dev/";
pub const CLUSTER_ID: &str = "ami-operator.dev/cluster-id";
pub const UID: &str = "ami-operator.dev/uid";
pub const KIND: &str = "ami-operator.dev/kind";
pub const NAMESPACE: &str = "ami-operator.dev/namespace";
pub const NAME: &str = "ami-operator.dev/name";
pub const ATTEMPT: &str = "ami-operator.dev/attempt";
pub const ROLE: &str = "ami-operator.dev/role";
/// RFC 3339; after it a builder may be removed even if nobody remembers the object that asked for it. A sweep puts it on the
/// snapshots of an image that never was available, before it removes the image.
pub const DELETE_AFTER: &str = "ami-operator.dev/delete-after";

/// EC2 takes 50 tags a resource; ours are the eight above.
pub const MAX_USER_TAGS: usize = 42;

/// The object that a resource is made for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// Tells two clusters in one account apart.
    pub cluster_id: String,
    /// `metadata.uid`: an object deleted and made again under the same name is another owner.
    pub uid: String,
    pub kind: &'static str,
    pub namespace: String,
    pub name: String,
}

/// What a resource is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The instance that is customised, its volumes and network interface.
    Builder,
    /// The image of a build and its snapshots.
    Image,
    /// A regional copy and its snapshots.
    Copy,
    /// A parameter that tells consumers of a copy.
    Parameter,
}

impl Role {
    /// Whether a resource with these tags is for this.
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
    /// `user` with the ownership tags laid over it.
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

    /// Whether a resource with these tags was made for this object, in whatever attempt.
    pub fn owns(&self, tags: &Tags) -> bool {
        let has = |key: &str, value: &str| tags.get(key).is_some_and(|v| v == value);
        has(CLUSTER_ID, &self.cluster_id) && has(UID, &self.uid)
    }

    /// The attempt in which a resource with these tags was made for this object.
    pub fn attempt_of(&self, tags: &Tags) -> Option<i32> {
        tags.get(ATTEMPT).filter(|_| self.owns(tags))?.parse().ok()
    }

    /// Whether a resource with these tags was made for this object in this attempt.
    pub fn owns_attempt(&self, tags: &Tags, attempt: i32) -> bool {
        self.owns(tags) && tags.get(ATTEMPT).is_some_and(|v| *v == attempt.to_string())
    }
}

/// EC2 takes 256 characters a value, and a Kubernetes name may have 253; cut only for safety.
fn tag_value(value: &str) -> String {
    value.chars().take(256).collect()
}
