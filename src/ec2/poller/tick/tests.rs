//! Which questions go into one call.

use super::groups;
use crate::model::{
    Accounts, ClientToken, ConsoleView, ImageId, ImageSelector, InstanceId, Nonce, Query, Tags,
};

fn instances(count: usize) -> Vec<Query> {
    (0..count).map(|n| Query::Instance(InstanceId(format!("i-{n:017x}")))).collect()
}

fn sizes(queries: Vec<Query>) -> Vec<usize> {
    groups(queries).iter().map(Vec::len).collect()
}

#[test]
fn nothing_to_ask_is_no_call() {
    assert!(groups(Vec::new()).is_empty());
}

#[test]
fn two_hundred_ids_go_into_one_call() {
    assert_eq!(sizes(instances(200)), [200]);
}

#[test]
fn no_call_has_more_than_two_hundred_values() {
    assert_eq!(sizes(instances(450)), [200, 200, 50]);
}

#[test]
fn ten_parameters_go_into_one_call() {
    let parameters = (0..25).map(|n| Query::Parameter(format!("/p/{n}"))).collect();
    assert_eq!(sizes(parameters), [10, 10, 5]);
}

#[test]
fn fifty_agents_go_into_one_call() {
    let agents = (0..60).map(|n| Query::Agent(InstanceId(format!("i-{n}")))).collect();
    assert_eq!(sizes(agents), [50, 10]);
}

#[test]
fn the_commands_of_each_machine_are_a_call() {
    let commands = |id: &str| Query::Commands(InstanceId::from(id));
    assert_eq!(sizes(vec![commands("i-1"), commands("i-2")]), [1, 1]);
}

#[test]
fn each_selector_and_each_console_is_a_call() {
    let newest = |name: &str| {
        Query::Newest(Box::new(ImageSelector {
            owners: vec!["self".to_owned()],
            name: Some(name.to_owned()),
            architecture: None,
            product_code: None,
            tags: Tags::new(),
        }))
    };
    assert_eq!(sizes(vec![newest("a"), newest("b")]), [1, 1]);
    let nonce = Nonce::for_token(&ClientToken("token".to_owned()));
    let console = |id: &str| Query::Console {
        id: InstanceId::from(id),
        nonce: nonce.clone(),
        view: ConsoleView::Latest,
    };
    assert_eq!(sizes(vec![console("i-1"), console("i-2")]), [1, 1]);
}

#[test]
fn what_is_filtered_by_different_fields_is_asked_apart() {
    let mixed = vec![
        Query::ImagesNamed("web".to_owned()),
        Query::Instance(InstanceId::from("i-1")),
        Query::Image(ImageId::from("ami-1")),
        Query::ImagesOf("uid".to_owned()),
        Query::InstanceByToken(ClientToken("token".to_owned())),
        Query::Instance(InstanceId::from("i-2")),
        Query::SnapshotsOf("uid".to_owned()),
        Query::Image(ImageId::from("ami-2")),
    ];
    let mut groups = sizes(mixed);
    groups.sort_unstable();
    assert_eq!(groups, [1, 1, 1, 1, 2, 2]);
}

#[test]
fn every_question_is_asked_once() {
    let mut asked: Vec<Query> = groups(instances(450)).concat();
    asked.dedup();
    assert_eq!(asked.len(), 450);
}

#[test]
fn images_are_asked_for_together_where_they_are_more_than_their_accounts() {
    let shared = |count: usize, accounts: &[&str]| {
        let accounts = Accounts::new(accounts.iter().map(|id| (*id).to_owned()).collect());
        let image = |n| Query::LaunchAccounts(ImageId(format!("ami-{n:017x}")), accounts.clone());
        sizes((0..count).map(image).collect())
    };
    assert_eq!(shared(1500, &["111111111111", "222222222222"]), [1000, 500]);
    assert_eq!(shared(2, &["111111111111", "222222222222"]), [1, 1]);
}
