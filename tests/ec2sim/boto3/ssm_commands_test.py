"""Run Command."""

import pytest
from conftest import refused


@pytest.fixture
def managed(sim, ssm, launch):
    instance = launch(IamInstanceProfile={"Name": "managed"})["InstanceId"]
    sim.advance(120)
    return instance


def send(ssm, instance, *lines, **more):
    request = {
        "InstanceIds": [instance],
        "DocumentName": "AWS-RunShellScript",
        "Parameters": {"commands": list(lines)},
    }
    return ssm.send_command(**(request | more))["Command"]


def run(ssm, instance, **more):
    return send(ssm, instance, "true", **more)


def test_a_managed_instance_is_listed(ssm, managed):
    [found] = ssm.describe_instance_information()["InstanceInformationList"]
    assert (found["InstanceId"], found["PingStatus"], found["PlatformType"]) == (managed, "Online", "Linux")
    assert found["ResourceType"] == "EC2Instance"
    assert found["AgentVersion"]
    filters = [{"Key": "InstanceIds", "Values": [managed]}]
    assert len(ssm.describe_instance_information(Filters=filters)["InstanceInformationList"]) == 1
    filters = [{"Key": "PingStatus", "Values": ["ConnectionLost"]}]
    assert ssm.describe_instance_information(Filters=filters)["InstanceInformationList"] == []


def test_an_unknown_information_filter_is_refused(ssm):
    refused(
        ("InvalidFilterKey", "InvalidInstanceInformationFilterValue", "ValidationException"),
        ssm.describe_instance_information,
        Filters=[{"Key": "Taste", "Values": ["x"]}],
    )


def test_an_instance_without_profile_is_not_managed(sim, ssm, launch):
    instance = launch()["InstanceId"]
    sim.advance(120)
    assert ssm.describe_instance_information()["InstanceInformationList"] == []
    refused("InvalidInstanceId", run, ssm=ssm, instance=instance)


def test_an_instance_registers_some_time_after_it_runs(sim, ssm, launch):
    sim.profile("demo")
    launch(IamInstanceProfile={"Name": "managed"})
    assert ssm.describe_instance_information()["InstanceInformationList"] == []
    sim.advance(120)
    assert len(ssm.describe_instance_information()["InstanceInformationList"]) == 1


def test_a_command_succeeds(sim, ssm, managed):
    command = send(ssm, managed, "echo hello", "echo world", Comment="greeting")
    assert command["Status"] == "Pending"
    assert command["DocumentName"] == "AWS-RunShellScript"
    assert (command["Comment"], command["TargetCount"]) == ("greeting", 1)
    sim.advance(60)
    found = ssm.get_command_invocation(CommandId=command["CommandId"], InstanceId=managed)
    assert (found["Status"], found["StatusDetails"], found["ResponseCode"]) == ("Success", "Success", 0)
    assert found["StandardOutputContent"] == "hello\nworld\n"
    assert found["StandardErrorContent"] == ""
    assert found["PluginName"] == "aws:runShellScript"


def test_a_command_fails_with_its_exit_code(sim, ssm, managed):
    command = send(ssm, managed, "echo before", "exit 3", "echo after")
    sim.advance(60)
    found = ssm.get_command_invocation(CommandId=command["CommandId"], InstanceId=managed)
    assert (found["Status"], found["StatusDetails"], found["ResponseCode"]) == ("Failed", "Failed", 3)
    assert found["StandardOutputContent"].startswith("before\n")
    assert "after" not in found["StandardOutputContent"]
    assert "failed to run commands: exit status 3" in found["StandardErrorContent"]


def test_a_command_under_way(sim, ssm, managed):
    command = send(ssm, managed, "sleep 100")
    sim.advance(10)
    found = ssm.get_command_invocation(CommandId=command["CommandId"], InstanceId=managed)
    assert (found["Status"], found["ResponseCode"]) == ("InProgress", -1)
    sim.advance(200)
    found = ssm.get_command_invocation(CommandId=command["CommandId"], InstanceId=managed)
    assert found["Status"] == "Success"


def test_a_command_is_cancelled(sim, ssm, managed):
    command = send(ssm, managed, "sleep 1000")["CommandId"]
    sim.advance(10)
    ssm.cancel_command(CommandId=command)
    sim.advance(10)
    found = ssm.get_command_invocation(CommandId=command, InstanceId=managed)
    assert (found["Status"], found["StatusDetails"]) == ("Cancelled", "Cancelled")


def test_a_command_that_takes_too_long(sim, ssm, managed):
    parameters = {"commands": ["sleep 1000"], "executionTimeout": ["60"]}
    command = send(ssm, managed, Parameters=parameters)["CommandId"]
    sim.advance(120)
    found = ssm.get_command_invocation(CommandId=command, InstanceId=managed)
    assert (found["Status"], found["StatusDetails"]) == ("TimedOut", "ExecutionTimedOut")
    # The agent kills the script.
    assert (found["ResponseCode"], found["ExecutionElapsedTime"]) == (137, "PT1M")


def test_command_errors(ssm, managed):
    refused("InvalidInstanceId", run, ssm=ssm, instance="i-0123456789abcdef0")
    refused("InvalidDocument", run, ssm=ssm, instance=managed, DocumentName="Nonsense")
    refused("InvalidParameters", run, ssm=ssm, instance=managed, Parameters={"colour": ["red"]})
    refused(
        "InvocationDoesNotExist",
        ssm.get_command_invocation,
        CommandId="12345678-1234-1234-1234-123456789012",
        InstanceId=managed,
    )
    refused("InvalidCommandId", ssm.cancel_command, CommandId="12345678-1234-1234-1234-123456789012")


def test_invocations_are_listed(sim, ssm, managed):
    command = send(ssm, managed, "echo hello")["CommandId"]
    sim.advance(60)
    [found] = ssm.list_command_invocations(CommandId=command, Details=True)["CommandInvocations"]
    assert (found["InstanceId"], found["Status"]) == (managed, "Success")
    assert found["CommandPlugins"][0]["Output"].startswith("hello")
    assert found["CommandPlugins"][0]["ResponseCode"] == 0
    [brief] = ssm.list_command_invocations(InstanceId=managed)["CommandInvocations"]
    assert brief["CommandPlugins"] == []
    failed = [{"key": "Status", "value": "Failed"}]
    assert ssm.list_command_invocations(CommandId=command, Filters=failed)["CommandInvocations"] == []


def test_commands_are_listed(sim, ssm, managed):
    command = send(ssm, managed, "echo hello", Comment="nonce")["CommandId"]
    sim.advance(60)
    [found] = ssm.list_commands(InstanceId=managed)["Commands"]
    assert (found["CommandId"], found["Comment"], found["Status"]) == (command, "nonce", "Success")
    assert (found["CompletedCount"], found["ErrorCount"]) == (1, 0)


def test_a_command_repeats_for_whom_it_is(ssm, managed):
    command = run(ssm, managed)
    assert (command["InstanceIds"], command["Targets"]) == ([managed], [])
    targets = [{"Key": "tag:role", "Values": ["a", "b"]}]
    limits = {"MaxConcurrency": "10%", "MaxErrors": "1"}
    sent = ssm.send_command(
        Targets=targets, DocumentName="AWS-RunShellScript", Parameters={"commands": ["true"]}, **limits
    )["Command"]
    [listed] = ssm.list_commands(CommandId=sent["CommandId"])["Commands"]
    for shown in (sent, listed):
        assert (shown["InstanceIds"], shown["Targets"], shown["TargetCount"]) == ([], targets, 0)
        assert {name: shown[name] for name in limits} == limits


def test_a_command_tells_where_it_reports(sim, ssm, managed):
    reports = {
        "OutputS3BucketName": "bucket",
        "OutputS3KeyPrefix": "runs",
        "NotificationConfig": {
            "NotificationArn": "arn:aws:sns:us-east-1:123456789012:runs",
            "NotificationEvents": ["All"],
            "NotificationType": "Command",
        },
        "CloudWatchOutputConfig": {"CloudWatchLogGroupName": "runs", "CloudWatchOutputEnabled": True},
    }
    role = "arn:aws:iam::123456789012:role/notify"
    command = run(ssm, managed, ServiceRoleArn=role, **reports)
    assert {name: command[name] for name in reports} == reports
    assert command["ServiceRole"] == role
    sim.advance(60)
    [listed] = ssm.list_command_invocations(CommandId=command["CommandId"])["CommandInvocations"]
    for name in ("NotificationConfig", "CloudWatchOutputConfig"):
        assert listed[name] == reports[name]
    silent = run(ssm, managed)
    assert silent["CloudWatchOutputConfig"] == {"CloudWatchLogGroupName": "", "CloudWatchOutputEnabled": False}


@pytest.mark.parametrize("key", ["InstanceIds", "instanceids"])
def test_instances_are_targeted_by_id(ssm, managed, key):
    targets = [{"Key": key, "Values": [managed]}]
    command = ssm.send_command(
        Targets=targets, DocumentName="AWS-RunShellScript", Parameters={"commands": ["true"]}
    )["Command"]
    assert (command["InstanceIds"], command["Targets"], command["TargetCount"]) == ([], targets, 1)


def test_instances_are_targeted_by_tag(sim, ssm, ec2, managed):
    ec2.create_tags(Resources=[managed], Tags=[{"Key": "role", "Value": "builder"}])
    command = ssm.send_command(
        Targets=[{"Key": "tag:role", "Values": ["builder"]}],
        DocumentName="AWS-RunShellScript",
        Parameters={"commands": ["echo hello"]},
    )["Command"]["CommandId"]
    sim.advance(60)
    [found] = ssm.list_command_invocations(CommandId=command)["CommandInvocations"]
    assert found["InstanceId"] == managed
