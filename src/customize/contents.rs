//! Contents of steps: inline, or stored elsewhere and read before anything is planned.

use std::{borrow::Cow, collections::BTreeMap, fmt::Write};

use base64::{
    Engine,
    alphabet::STANDARD,
    engine::general_purpose::{GeneralPurpose, PAD},
};
use sha2::{Digest, Sha256};

use crate::api::image_build::{
    CloudWatchAgent, ConfigMapKeyRef, ContentSource, Customize, File, Script, Step,
};

/// Takes what the pattern of the API takes: the bits after the last byte need not be zero.
const LENIENT: GeneralPurpose = GeneralPurpose::new(&STANDARD, PAD.with_decode_allow_trailing_bits(true));

/// The contents that the steps of an attempt refer to, by step name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contents(BTreeMap<String, Vec<u8>>);

impl FromIterator<(String, Vec<u8>)> for Contents {
    fn from_iter<I: IntoIterator<Item = (String, Vec<u8>)>>(contents: I) -> Self {
        Self(contents.into_iter().collect())
    }
}

impl Contents {
    /// `sha256:` and 64 hexadecimal digits. Each name and each content has its length in front, so that nothing can move
    /// from one to the other unnoticed.
    pub fn hash(&self) -> String {
        let mut hash = Sha256::new();
        for part in self.0.iter().flat_map(|(name, content)| [name.as_bytes(), content]) {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        hash.finalize().iter().fold("sha256:".to_owned(), |mut hex, byte| {
            write!(hex, "{byte:02x}").expect("a String takes everything");
            hex
        })
    }

    fn of(&self, step: &str) -> &[u8] {
        self.0.get(step).expect("contents have everything that `sources` asks for")
    }

    /// The program of the step `name`.
    pub(super) fn script<'a>(&'a self, name: &str, script: &'a Script) -> &'a [u8] {
        script.inline.as_ref().map_or_else(|| self.of(name), |text| text.as_bytes())
    }

    /// The content of the file that the step `name` writes.
    pub(super) fn file<'a>(&'a self, name: &str, file: &'a File) -> Cow<'a, [u8]> {
        match (&file.content, &file.binary_data) {
            (Some(text), _) => text.as_bytes().into(),
            (None, Some(data)) => decoded(data).into(),
            (None, None) => self.of(name).into(),
        }
    }

    /// The configuration of the agent that the step `name` installs.
    pub(super) fn agent<'a>(&'a self, name: &str, agent: &'a CloudWatchAgent) -> &'a [u8] {
        agent.config.as_ref().map_or_else(|| self.of(name), |text| text.as_bytes())
    }
}

fn decoded(base64: &str) -> Vec<u8> {
    let digits: String = base64.chars().filter(char::is_ascii_graphic).collect();
    LENIENT.decode(digits).expect("the API takes nothing but base64")
}

/// What has to be read before these steps can be planned: the name of each step whose content is kept elsewhere, and
/// where. [`Contents`] have to hold all of it.
pub fn sources(customize: &Customize) -> Vec<(&str, &ConfigMapKeyRef)> {
    let found = customize.steps.iter().filter_map(|step| Some((step.name.as_str(), source(step)?)));
    found.map(|(name, ContentSource { config_map_key_ref })| (name, config_map_key_ref)).collect()
}

fn source(step: &Step) -> Option<&ContentSource> {
    let script = step.script.as_ref().and_then(|script| script.from.as_ref());
    let file = step.file.as_ref().and_then(|file| file.content_from.as_ref());
    let agent = step.monitoring.as_ref().and_then(|m| m.cloud_watch_agent.config_from.as_ref());
    script.or(file).or(agent)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::image_build::Upgrade;
    use crate::customize::tests::machine::{agent, file, from, packages, script, steps};

    fn contents(contents: &[(&str, &str)]) -> Contents {
        contents.iter().map(|(name, content)| ((*name).to_owned(), content.as_bytes().to_vec())).collect()
    }

    /// `printf '\0\0\0\0\0\0\0\003app\0\0\0\0\0\0\0\002hi' | sha256sum`
    #[test]
    fn the_hash_is_that_of_names_and_contents_with_their_lengths() {
        let expected = "sha256:2685503406d295093506868d86e1fc03fae2c7b309aa58f9adbb78310599c980";
        assert_eq!(contents(&[("app", "hi")]).hash(), expected);
    }

    #[test]
    fn nothing_moves_between_a_name_and_a_content_without_another_hash() {
        let hashes = [
            contents(&[]),
            contents(&[("a", "")]),
            contents(&[("a", "b")]),
            contents(&[("ab", "")]),
            contents(&[("a", "b"), ("c", "")]),
            contents(&[("a", ""), ("c", "b")]),
        ]
        .map(|contents| contents.hash());
        let distinct: std::collections::BTreeSet<&String> = hashes.iter().collect();
        assert_eq!(distinct.len(), hashes.len());
    }

    #[test]
    fn every_step_that_is_kept_elsewhere_has_a_source() {
        let mut given = [script("one", ""), file("two", "/two", ""), agent("three", "")];
        given[0].script.as_mut().unwrap().from = Some(from("scripts", "one.sh"));
        given[1].file.as_mut().unwrap().content_from = Some(from("files", "two"));
        given[2].monitoring.as_mut().unwrap().cloud_watch_agent.config_from = Some(from("agent", "three"));
        let here = [script("four", ""), file("five", "/five", ""), packages("six", Upgrade::All, &[], &[])];
        let customize = steps([given, here].concat());
        let found: Vec<_> =
            sources(&customize).into_iter().map(|(step, at)| (step, &*at.name, &*at.key)).collect();
        assert_eq!(
            found,
            [("one", "scripts", "one.sh"), ("two", "files", "two"), ("three", "agent", "three")]
        );
    }
}
