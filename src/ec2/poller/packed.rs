//! Images in little room: an operator remembers the copies of all its objects, and most of what is seen of one is seen of all.
//! An image is 2 KB in two dozen allocations; packed it is a fifth of a kilobyte in one.

use std::{collections::HashMap, sync::Arc};

use jiff::Timestamp;

use crate::model::{
    Device, Image, ImageId, ImageState, InstanceId, Protection, SnapshotId, Tags,
    ownership::{ATTEMPT, CLUSTER_ID, KIND, NAMESPACE, ROLE},
};

#[cfg(test)]
mod tests;

/// Ownership tags whose values many images have.
const COMMON: [&str; 5] = [ATTEMPT, CLUSTER_ID, KIND, NAMESPACE, ROLE];

/// What many images say in the same words, such as the keys of tags. It is kept as long as the region is watched.
#[derive(Debug, Default)]
pub(super) struct Words {
    numbers: HashMap<Arc<str>, u64>,
    words: Vec<Arc<str>>,
}

impl Words {
    fn number(&mut self, word: &str) -> u64 {
        if let Some(number) = self.numbers.get(word) {
            return *number;
        }
        let (word, number): (Arc<str>, u64) = (word.into(), self.words.len() as u64);
        self.words.push(word.clone());
        self.numbers.insert(word, number);
        number
    }

    fn word(&self, number: u64) -> Option<&str> {
        self.words.get(usize::try_from(number).ok()?).map(|word| &**word)
    }
}

/// An image, packed with the words of its region.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Packed(Box<[u8]>);

impl Packed {
    pub(super) fn new(image: &Image, words: &mut Words) -> Self {
        let mut to = Writer { bytes: Vec::new(), words };
        to.image(image);
        Self(to.bytes.into_boxed_slice())
    }

    /// None only for words that are not those it was packed with.
    pub(super) fn image(&self, words: &Words) -> Option<Image> {
        Reader { bytes: &self.0, words }.image()
    }
}

struct Writer<'w> {
    bytes: Vec<u8>,
    words: &'w mut Words,
}

impl Writer<'_> {
    /// Without `..`: a new field must find its place here and in [`Reader::image`].
    fn image(&mut self, image: &Image) {
        let Image {
            id,
            name,
            description,
            state,
            state_reason,
            owner_id,
            architecture,
            platform,
            created_at,
            root_device_type,
            devices,
            root_device_name,
            imds_support,
            boot_mode,
            source_instance_id,
            source_image_id,
            public,
            deprecated_at,
            last_launched_at,
            protection,
            product_codes,
            usage_operation,
            tags,
        } = image;
        self.text(&id.0);
        self.text(name);
        self.option(description.as_deref(), Self::text);
        self.state(state);
        self.option(state_reason.as_deref(), Self::text);
        self.word(owner_id);
        self.word(architecture);
        self.option(platform.as_deref(), Self::word);
        self.option(*created_at, Self::time);
        self.word(root_device_type);
        self.number(devices.len() as u64);
        for device in devices {
            self.device(device);
        }
        self.option(root_device_name.as_deref(), Self::word);
        self.option(imds_support.as_deref(), Self::word);
        self.option(boot_mode.as_deref(), Self::word);
        self.option(source_instance_id.as_ref(), |to, id| to.text(&id.0));
        self.option(source_image_id.as_ref(), |to, id| to.text(&id.0));
        self.flag(*public);
        self.option(*deprecated_at, Self::time);
        self.option(*last_launched_at, Self::time);
        self.protection(*protection);
        self.number(product_codes.len() as u64);
        for code in product_codes {
            self.word(code);
        }
        self.option(usage_operation.as_deref(), Self::word);
        self.number(tags.len() as u64);
        for (key, value) in tags {
            self.tag(key, value);
        }
    }

    fn tag(&mut self, key: &str, value: &str) {
        self.word(key);
        if COMMON.contains(&key) { self.word(value) } else { self.text(value) }
    }

    fn device(&mut self, device: &Device) {
        let Device { device_name, snapshot_id, size_gib, delete_on_termination, encrypted } = device;
        self.word(device_name);
        self.option(snapshot_id.as_ref(), |to, id| to.text(&id.0));
        self.option(*size_gib, |to, size| to.number(u64::from(size.cast_unsigned())));
        self.flag(*delete_on_termination);
        self.flag(*encrypted);
    }

    fn state(&mut self, state: &ImageState) {
        self.word(&state.to_string());
    }

    fn protection(&mut self, protection: Protection) {
        match protection {
            Protection::Off => self.number(0),
            Protection::On { cooldown } => self.number(1 + u64::from(cooldown)),
            Protection::Cooling { until } => {
                self.number(3);
                self.time(until);
            }
        }
    }

    fn option<T>(&mut self, value: Option<T>, write: impl FnOnce(&mut Self, T)) {
        self.flag(value.is_some());
        if let Some(value) = value {
            write(self, value);
        }
    }

    fn flag(&mut self, flag: bool) {
        self.bytes.push(u8::from(flag));
    }

    /// EC2 tells milliseconds.
    fn time(&mut self, time: Timestamp) {
        self.bytes.extend(time.as_microsecond().to_le_bytes());
    }

    fn word(&mut self, word: &str) {
        let number = self.words.number(word);
        self.number(number);
    }

    fn text(&mut self, text: &str) {
        self.number(text.len() as u64);
        self.bytes.extend(text.as_bytes());
    }

    /// Seven bits a byte, the lowest first; the eighth tells that more follow.
    fn number(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.bytes.push(number.to_le_bytes()[0] | 0x80);
            number >>= 7;
        }
        self.bytes.push(number.to_le_bytes()[0]);
    }
}

struct Reader<'r> {
    bytes: &'r [u8],
    words: &'r Words,
}

impl<'r> Reader<'r> {
    fn image(&mut self) -> Option<Image> {
        Some(Image {
            id: ImageId(self.text()?),
            name: self.text()?,
            description: self.option(Self::text)?,
            state: self.state()?,
            state_reason: self.option(Self::text)?,
            owner_id: self.word()?,
            architecture: self.word()?,
            platform: self.option(Self::word)?,
            created_at: self.option(Self::time)?,
            root_device_type: self.word()?,
            devices: self.many(Self::device)?,
            root_device_name: self.option(Self::word)?,
            imds_support: self.option(Self::word)?,
            boot_mode: self.option(Self::word)?,
            source_instance_id: self.option(Self::text)?.map(InstanceId),
            source_image_id: self.option(Self::text)?.map(ImageId),
            public: self.flag()?,
            deprecated_at: self.option(Self::time)?,
            last_launched_at: self.option(Self::time)?,
            protection: self.protection()?,
            product_codes: self.many(Self::word)?,
            usage_operation: self.option(Self::word)?,
            tags: self.many(Self::tag)?.into_iter().collect::<Tags>(),
        })
    }

    fn tag(&mut self) -> Option<(String, String)> {
        let key = self.word()?;
        let value = if COMMON.contains(&key.as_str()) { self.word() } else { self.text() };
        Some((key, value?))
    }

    fn device(&mut self) -> Option<Device> {
        Some(Device {
            device_name: self.word()?,
            snapshot_id: self.option(Self::text)?.map(SnapshotId),
            size_gib: self.option(|from| Some(u32::try_from(from.number()?).ok()?.cast_signed()))?,
            delete_on_termination: self.flag()?,
            encrypted: self.flag()?,
        })
    }

    fn state(&mut self) -> Option<ImageState> {
        use ImageState::{
            Available, Deregistered, Disabled, Error, Failed, Invalid, Other, Pending, Transient,
        };
        let word = self.word()?;
        let known = [Pending, Available, Invalid, Deregistered, Transient, Failed, Error, Disabled];
        Some(known.into_iter().find(|state| state.to_string() == word).unwrap_or(Other(word)))
    }

    fn protection(&mut self) -> Option<Protection> {
        match self.number()? {
            0 => Some(Protection::Off),
            1 => Some(Protection::On { cooldown: false }),
            2 => Some(Protection::On { cooldown: true }),
            _ => Some(Protection::Cooling { until: self.time()? }),
        }
    }

    fn many<T>(&mut self, read: impl Fn(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        let count = self.number()?;
        (0..count).map(|_| read(self)).collect()
    }

    /// The outer `None` is trouble.
    #[expect(clippy::option_option, reason = "trouble is no third case of what was packed")]
    fn option<T>(&mut self, read: impl FnOnce(&mut Self) -> Option<T>) -> Option<Option<T>> {
        if self.flag()? { read(self).map(Some) } else { Some(None) }
    }

    fn flag(&mut self) -> Option<bool> {
        Some(self.take(1)? == [1])
    }

    fn time(&mut self) -> Option<Timestamp> {
        let bytes = self.take(8)?.try_into().ok()?;
        Timestamp::from_microsecond(i64::from_le_bytes(bytes)).ok()
    }

    fn word(&mut self) -> Option<String> {
        let number = self.number()?;
        self.words.word(number).map(str::to_owned)
    }

    fn text(&mut self) -> Option<String> {
        let length = usize::try_from(self.number()?).ok()?;
        String::from_utf8(self.take(length)?.to_vec()).ok()
    }

    fn number(&mut self) -> Option<u64> {
        let (mut number, mut shift) = (0_u64, 0);
        loop {
            let byte = *self.take(1)?.first()?;
            number |= u64::from(byte & 0x7f).checked_shl(shift)?;
            if byte < 0x80 {
                return Some(number);
            }
            shift += 7;
        }
    }

    fn take(&mut self, count: usize) -> Option<&'r [u8]> {
        let (taken, rest) = self.bytes.split_at_checked(count)?;
        self.bytes = rest;
        Some(taken)
    }
}
