use serde_json::json;

use super::{filters::wildcard, ids, params::Params, tags, xml::Node};

#[test]
fn an_empty_parameter_is_absent() {
    let params = Params::from_query([("SubnetId", ""), ("InstanceId.1", ""), ("InstanceId.2", "i-1")]);
    assert_eq!(params.text("SubnetId"), None);
    assert!(params.has("SubnetId"));
    assert_eq!(params.texts("InstanceId"), ["i-1"]);
}

#[test]
fn list_items_keep_the_order_of_their_numbers() {
    let params = Params::from_query((1..=11).map(|at| (format!("A.{at}"), at.to_string())));
    assert_eq!(params.texts("A").last(), Some(&"11"));
}

#[test]
fn a_list_may_name_its_members() {
    let params = Params::from_query([("Tags.member.1.Key", "a"), ("Tags.member.2.Key", "b")]);
    assert_eq!(params.list("Tags").iter().filter_map(|tag| tag.text("Key")).collect::<Vec<_>>(), ["a", "b"]);
}

#[test]
fn json_makes_the_same_tree_as_a_query() {
    let json = Params::from_json(&json!({"Names": ["a", "b"], "Deep": {"Flag": true, "Number": 3}}));
    let query =
        Params::from_query([("Names.1", "a"), ("Names.2", "b"), ("Deep.Flag", "true"), ("Deep.Number", "3")]);
    assert_eq!(json, query);
}

#[test]
fn wildcards_match_as_in_ec2() {
    for (pattern, text, fits) in [
        ("web-*", "web-", true),
        ("web-*-x", "web-a-x-b-x", true),
        ("web-?", "web-1", true),
        ("web-?", "web-", false),
        ("*", "", true),
        (r"50\*", "50*", true),
        (r"50\*", "500", false),
        (r"a\\b", r"a\b", true),
        ("Web", "web", false),
    ] {
        assert_eq!(wildcard(pattern, text), fits, "{pattern} on {text}");
    }
}

#[test]
fn an_id_has_its_prefix_and_eight_or_seventeen_digits() {
    assert!(ids::IMAGE.check("ami-0123456789abcdef0").is_ok());
    assert!(ids::IMAGE.check("ami-01234567").is_ok());
    for wrong in ["ami-", "ami-012345678", "i-0123456789abcdef0", "ami-0123456789ABCDEF0"] {
        assert_eq!(ids::IMAGE.check(wrong).unwrap_err().code, "InvalidAMIID.Malformed", "{wrong}");
    }
}

fn parse_tags(pairs: &[(&str, &str)]) -> Result<tags::Tags, String> {
    let query = pairs.iter().enumerate().flat_map(|(at, (key, value))| {
        [(format!("Tag.{at}.Key"), (*key).to_owned()), (format!("Tag.{at}.Value"), (*value).to_owned())]
    });
    tags::parse(&Params::from_query(query).list("Tag")).map_err(|error| error.code)
}

#[test]
fn tags_are_refused_as_ec2_refuses_them() {
    assert_eq!(parse_tags(&[("aws:x", "")]).unwrap_err(), "InvalidParameterValue");
    assert_eq!(parse_tags(&[(&"k".repeat(129), "")]).unwrap_err(), "InvalidParameterValue");
    assert_eq!(parse_tags(&[("k", &"v".repeat(257))]).unwrap_err(), "InvalidParameterValue");
    assert_eq!(parse_tags(&[("k", "1"), ("k", "2")]).unwrap_err(), "InvalidParameterValue");
    let many: Vec<String> = (0..51).map(|at| format!("key{at}")).collect();
    let many: Vec<(&str, &str)> = many.iter().map(|key| (key.as_str(), "")).collect();
    assert_eq!(parse_tags(&many).unwrap_err(), "TagLimitExceeded");
    assert_eq!(parse_tags(&many[..50]).unwrap().len(), 50);
}

#[test]
fn xml_is_escaped_and_loses_what_it_cannot_carry() {
    let mut out = String::new();
    Node::new().text("a", "<&>\u{1}\n").texts("set", ["x"]).write(&mut out);
    assert_eq!(out, "<a>&lt;&amp;&gt;\n</a><set><item>x</item></set>");
}
