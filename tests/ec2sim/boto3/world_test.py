"""What the administration endpoints arrange: lag, opt-in regions, subscriptions, delays."""

from conftest import instance_state, refused


def test_reads_show_the_world_of_some_time_ago(sim, ec2, launch):
    sim.admin("config", {"lagSeconds": 10})
    instance = launch()["InstanceId"]
    refused("InvalidInstanceID.NotFound", ec2.describe_instances, InstanceIds=[instance])
    sim.advance(11)
    assert instance_state(ec2, instance) == "running"


def test_changes_see_the_present(sim, ec2, launch):
    sim.admin("config", {"lagSeconds": 10})
    instance = launch()["InstanceId"]
    ec2.create_tags(Resources=[instance], Tags=[{"Key": "a", "Value": "1"}])
    ec2.terminate_instances(InstanceIds=[instance])


def test_an_opted_in_region_can_be_used(sim, ec2, account):
    sim.admin("config", {"optedIn": {account: ["ap-east-1"]}})
    assert len(sim.client("ec2", "ap-east-1").describe_vpcs()["Vpcs"]) == 1
    found = ec2.describe_regions(RegionNames=["ap-east-1"])["Regions"]
    assert found[0]["OptInStatus"] == "opted-in"


def test_a_subscribed_product_can_be_launched(sim, ec2, account):
    [product] = ec2.describe_images(Owners=["aws-marketplace"])["Images"]
    code = product["ProductCodes"][0]["ProductCodeId"]
    sim.admin("config", {"subscriptions": {account: [code]}})
    ec2.run_instances(ImageId=product["ImageId"], InstanceType="m5.large", MinCount=1, MaxCount=1)


def test_one_delay_can_be_changed(sim, ec2, launch):
    sim.admin("config", {"profile": {"run": 30}})
    instance = launch()["InstanceId"]
    assert instance_state(ec2, instance) == "pending"
    sim.advance(31)
    assert instance_state(ec2, instance) == "running"


def test_a_seed_gives_the_same_ids_again(sim, ec2, launch):
    first = launch()["InstanceId"]
    sim.reset()
    assert launch()["InstanceId"] == first
    sim.admin("reset", {"seed": 2})
    assert launch()["InstanceId"] != first
