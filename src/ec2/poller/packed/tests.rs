//! What was packed comes out as it was.

use super::*;
use crate::plan::fixtures::{at, image};

/// Of an image, after it was packed and unpacked.
fn again(image: &Image) -> Image {
    let mut words = Words::default();
    let packed = Packed::new(image, &mut words);
    packed.image(&words).expect("the same words")
}

fn full() -> Image {
    let device = Device {
        device_name: "/dev/xvda".to_owned(),
        snapshot_id: Some("snap-1".into()),
        size_gib: Some(8),
        delete_on_termination: true,
        encrypted: false,
    };
    let pending = Device { snapshot_id: None, size_gib: None, encrypted: true, ..device.clone() };
    Image {
        name: "ein Ümlaut".to_owned(),
        description: Some("of the web".to_owned()),
        state_reason: Some("x".repeat(300)),
        platform: Some("windows".to_owned()),
        created_at: Some(at(5)),
        devices: vec![device, pending],
        root_device_name: Some("/dev/xvda".to_owned()),
        imds_support: Some("v2.0".to_owned()),
        boot_mode: Some("uefi".to_owned()),
        source_instance_id: Some("i-1".into()),
        source_image_id: Some("ami-0".into()),
        public: true,
        deprecated_at: Some(at(60)),
        last_launched_at: Some(at(61)),
        product_codes: vec!["code-1".to_owned(), "code-2".to_owned()],
        usage_operation: Some("RunInstances:0002".to_owned()),
        protection: Protection::Cooling { until: at(7) },
        tags: (0..200).map(|n| (format!("key-{n}"), format!("value-{n}"))).collect(),
        ..image(ImageState::Available)
    }
}

#[test]
fn an_image_comes_out_as_it_was() {
    assert_eq!(again(&full()), full());
    let bare = Image { tags: Tags::new(), devices: Vec::new(), ..image(ImageState::Pending) };
    assert_eq!(again(&bare), bare);
}

#[test]
fn every_state_and_protection_comes_out_as_it_was() {
    use ImageState::{Available, Deregistered, Disabled, Error, Failed, Invalid, Other, Pending, Transient};
    let new = Other("archived".to_owned());
    for state in [Pending, Available, Invalid, Deregistered, Transient, Failed, Error, Disabled, new] {
        assert_eq!(again(&image(state.clone())).state, state);
    }
    for protection in [Protection::Off, Protection::On { cooldown: false }, Protection::On { cooldown: true }]
    {
        assert_eq!(again(&Image { protection, ..full() }).protection, protection);
    }
}

#[test]
fn ownership_tags_come_out_as_they_were_and_take_little_room() {
    let mut words = Words::default();
    let tags = |uid: &str| {
        let common = COMMON.map(|key| (key.to_owned(), "a value that all of them have".to_owned()));
        common.into_iter().chain([("uid".to_owned(), uid.to_owned())]).collect::<Tags>()
    };
    let one = Image { tags: tags("1"), ..image(ImageState::Available) };
    let other = Image { tags: tags("2"), ..image(ImageState::Available) };
    let packed = [&one, &other].map(|image| Packed::new(image, &mut words));
    assert_eq!(packed.each_ref().map(|packed| packed.image(&words)), [Some(one), Some(other)]);
    assert!(packed[1].0.len() < 200, "{}", packed[1].0.len());
}

#[test]
fn equal_images_are_packed_alike_and_others_are_not() {
    let mut words = Words::default();
    let packed = Packed::new(&full(), &mut words);
    assert_eq!(Packed::new(&full(), &mut words), packed);
    assert_ne!(Packed::new(&Image { public: false, ..full() }, &mut words), packed);
}
