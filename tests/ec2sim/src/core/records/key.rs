use jiff::Timestamp;

/// A key of KMS that somebody made.
#[derive(Clone, Debug)]
pub struct Key {
    /// A UUID, or `mrk-…` if it is for several regions.
    pub id: String,
    pub owner: String,
    pub created_at: Timestamp,
    pub description: String,
}

/// A name that somebody gave a key.
#[derive(Clone, Debug)]
pub struct KeyAlias {
    /// `alias/…`
    pub name: String,
    pub owner: String,
    pub key_id: String,
    pub created_at: Timestamp,
}
