"""What becomes of commands whose machine, script or request is not as one wishes."""

import pytest
from conftest import instance_state, refused

SHELL, POWERSHELL = "AWS-RunShellScript", "AWS-RunPowerShellScript"
RESTARTS = "if [ -e /restarted ]; then echo back; exit 0; fi; touch /restarted; echo going; exit 194"


@pytest.fixture
def machine(sim, ssm, launch):
    """Launches a managed instance and gives its id."""

    def make(**more):
        instance = launch(IamInstanceProfile={"Name": "managed"}, **more)["InstanceId"]
        sim.advance(120)
        return instance

    return make


@pytest.fixture
def windows(ssm, machine):
    name = "/aws/service/ami-windows-latest/Windows_Server-2022-English-Full-Base"
    return machine(ImageId=ssm.get_parameter(Name=name)["Parameter"]["Value"])


def send(ssm, instance, *lines, execution=3600, **more):
    request = {
        "InstanceIds": [instance],
        "DocumentName": SHELL,
        "Parameters": {"commands": list(lines) or ["true"], "executionTimeout": [str(execution)]},
    }
    return ssm.send_command(**(request | more))["Command"]["CommandId"]


def invocation(ssm, command, instance):
    return ssm.get_command_invocation(CommandId=command, InstanceId=instance)


def status(ssm, command, instance):
    found = invocation(ssm, command, instance)
    [listed] = ssm.list_command_invocations(CommandId=command, Details=True)["CommandInvocations"]
    [plugin] = listed["CommandPlugins"]
    seen = (found["Status"], found["StatusDetails"])
    assert seen == (listed["Status"], listed["StatusDetails"]) == (plugin["Status"], plugin["StatusDetails"])
    assert found["ResponseCode"] == plugin["ResponseCode"]
    return *seen, found["ResponseCode"]


def test_a_command_is_pending_until_the_agent_has_it(sim, ssm, machine):
    instance = machine()
    sim.profile("demo")
    command = send(ssm, instance, "echo hello", "sleep 10")
    assert status(ssm, command, instance) == ("Pending", "Pending", -1)
    sim.advance(1)
    assert status(ssm, command, instance) == ("InProgress", "InProgress", -1)
    assert invocation(ssm, command, instance)["StandardOutputContent"] == ""
    sim.advance(10)
    assert status(ssm, command, instance) == ("Success", "Success", 0)
    assert invocation(ssm, command, instance)["StandardOutputContent"] == "hello\n"


def test_a_stopped_instance_gets_its_command_when_it_is_started(sim, ssm, ec2, machine):
    instance = machine()
    ec2.stop_instances(InstanceIds=[instance])
    command = send(ssm, instance, "echo hello", TimeoutSeconds=600)
    assert status(ssm, command, instance) == ("Delayed", "Delayed", -1)
    sim.advance(300)
    ec2.start_instances(InstanceIds=[instance])
    sim.advance(60)
    assert status(ssm, command, instance) == ("Success", "Success", 0)


def test_a_command_that_nobody_fetches_is_given_up(sim, ssm, ec2, machine):
    instance = machine()
    ec2.stop_instances(InstanceIds=[instance])
    command = send(ssm, instance, "echo hello", execution=60, TimeoutSeconds=30)
    sim.advance(89)
    assert status(ssm, command, instance) == ("Delayed", "Delayed", -1)
    sim.advance(2)
    assert status(ssm, command, instance) == ("TimedOut", "DeliveryTimedOut", -1)
    [found] = ssm.list_commands(CommandId=command)["Commands"]
    assert (found["Status"], found["StatusDetails"]) == ("TimedOut", "DeliveryTimedOut")
    assert (found["DeliveryTimedOutCount"], found["ErrorCount"], found["CompletedCount"]) == (1, 0, 1)


def test_a_command_whose_instance_stops_is_given_up_when_it_expires(sim, ssm, ec2, machine):
    instance = machine()
    command = send(ssm, instance, "sleep 100", execution=200, TimeoutSeconds=30)
    sim.advance(10)
    ec2.stop_instances(InstanceIds=[instance])
    sim.advance(150)
    assert status(ssm, command, instance) == ("InProgress", "InProgress", -1)
    sim.advance(80)
    assert status(ssm, command, instance) == ("TimedOut", "DeliveryTimedOut", -1)


def test_a_command_that_its_agent_left_running_fails_when_the_agent_is_back(sim, ssm, ec2, machine):
    instance = machine()
    command = send(ssm, instance, "sleep 100")
    sim.advance(10)
    ec2.stop_instances(InstanceIds=[instance])
    ec2.start_instances(InstanceIds=[instance])
    sim.advance(60)
    assert status(ssm, command, instance) == ("Failed", "Failed", 1)
    assert "document worker timed out" in invocation(ssm, command, instance)["StandardErrorContent"]


def test_a_command_for_an_instance_that_is_terminated_cannot_be_delivered(sim, ssm, ec2, machine):
    instance = machine()
    ec2.stop_instances(InstanceIds=[instance])
    command = send(ssm, instance, "echo hello")
    ec2.terminate_instances(InstanceIds=[instance])
    sim.advance(1)
    assert status(ssm, command, instance) == ("Failed", "Undeliverable", -1)
    refused("InvalidInstanceId", send, ssm=ssm, instance=instance)


def test_a_script_that_powers_its_machine_off(sim, ssm, ec2, machine):
    instance = machine()
    command = send(ssm, instance, "sleep 5", "shutdown -h now", "sleep 60", execution=120, TimeoutSeconds=30)
    sim.advance(4)
    assert instance_state(ec2, instance) == "running"
    sim.advance(2)
    assert instance_state(ec2, instance) == "stopped"
    sim.advance(150)
    assert status(ssm, command, instance) == ("TimedOut", "DeliveryTimedOut", -1)


def test_a_script_that_asks_for_a_restart_runs_again(sim, ssm, machine):
    instance = machine()
    sim.profile("demo")
    command = send(ssm, instance, RESTARTS)
    sim.advance(3)
    assert status(ssm, command, instance) == ("InProgress", "InProgress", -1)
    sim.advance(10)
    assert status(ssm, command, instance) == ("Success", "Success", 0)
    assert invocation(ssm, command, instance)["StandardOutputContent"] == "going\nback\n"


def test_a_script_that_asks_for_restarts_for_ever_is_given_up(sim, ssm, machine):
    instance = machine()
    command = send(ssm, instance, "exit 194", execution=60, TimeoutSeconds=30)
    sim.advance(80)
    assert status(ssm, command, instance) == ("InProgress", "InProgress", -1)
    sim.advance(11)
    assert status(ssm, command, instance) == ("TimedOut", "DeliveryTimedOut", -1)


def test_a_cancelled_script_was_killed(sim, ssm, machine):
    instance = machine()
    command = send(ssm, instance, "sleep 100")
    sim.advance(10)
    ssm.cancel_command(CommandId=command, InstanceIds=[instance])
    assert status(ssm, command, instance) == ("Cancelled", "Cancelled", 137)
    sim.advance(200)
    assert status(ssm, command, instance) == ("Cancelled", "Cancelled", 137)


def test_what_is_over_stays_as_it_is_when_it_is_cancelled(ssm, machine):
    instance = machine()
    command = send(ssm, instance, "exit 3")
    ssm.cancel_command(CommandId=command)
    assert status(ssm, command, instance) == ("Failed", "Failed", 3)


def test_a_windows_instance_shows_its_system(ec2, ssm, windows):
    [found] = ssm.describe_instance_information(
        Filters=[{"Key": "PlatformTypes", "Values": ["Windows"]}]
    )["InstanceInformationList"]
    assert (found["InstanceId"], found["PlatformType"]) == (windows, "Windows")
    assert found["PlatformName"] == "Microsoft Windows Server 2022 Datacenter"
    [instance] = ec2.describe_instances(InstanceIds=[windows])["Reservations"][0]["Instances"]
    assert (instance["Platform"], instance["UsageOperation"]) == ("windows", "RunInstances:0002")
    [image] = ec2.describe_images(ImageIds=[instance["ImageId"]])["Images"]
    assert (image["Platform"], image["PlatformDetails"]) == ("windows", "Windows")
    assert (image["ImageOwnerAlias"], image["RootDeviceName"]) == ("amazon", "/dev/sda1")


def test_a_powershell_script_runs_on_windows(ssm, windows):
    lines = ["Write-Output 'hello'", "Start-Sleep -Seconds 0", "exit 7"]
    command = send(ssm, windows, *lines, DocumentName=POWERSHELL)
    assert status(ssm, command, windows) == ("Failed", "Failed", 7)
    found = invocation(ssm, command, windows)
    assert (found["StandardOutputContent"], found["PluginName"]) == ("hello\n", "aws:runPowerShellScript")
    assert found["DocumentName"] == POWERSHELL


def test_a_powershell_script_may_restart_windows(ssm, windows):
    script = "if (Test-Path C:\\done) { exit 0 }\nNew-Item C:\\done\nexit 3010"
    command = send(ssm, windows, *script.split("\n"), DocumentName=POWERSHELL)
    assert status(ssm, command, windows) == ("Success", "Success", 0)


def test_a_shell_script_does_not_run_on_windows(ssm, windows):
    refused("UnsupportedPlatformType", send, ssm=ssm, instance=windows)


def test_a_powershell_script_fails_on_linux_without_powershell(ssm, machine):
    instance = machine()
    command = send(ssm, instance, "Write-Output hello", DocumentName=POWERSHELL)
    assert status(ssm, command, instance) == ("Failed", "Failed", 1)


def test_a_long_output_is_cut_and_says_so(ssm, machine):
    instance = machine()
    command = send(ssm, instance, *[f"echo {'x' * 1000}"] * 30, "exit 1")
    found = invocation(ssm, command, instance)
    assert len(found["StandardOutputContent"]) == 24000
    assert found["StandardOutputContent"].endswith("x--output truncated--")
    [listed] = ssm.list_command_invocations(CommandId=command, Details=True)["CommandInvocations"]
    output = listed["CommandPlugins"][0]["Output"]
    assert len(output) == 2500
    assert "\n---Output truncated---\n----------ERROR-------\nfailed to run commands: exit status 1" in output


@pytest.mark.parametrize(
    "code, more",
    [
        ("ValidationException", {"Comment": "x" * 101}),
        ("ValidationException", {"TimeoutSeconds": 2592001}),
        ("InvalidParameters", {"execution": 0}),
        ("InvalidParameters", {"execution": 172801}),
        ("InvalidParameters", {"execution": "soon"}),
        ("InvalidParameters", {"Parameters": {"commands": []}}),
        ("InvalidDocument", {"DocumentName": "AWS-RunNothing"}),
        ("DuplicateInstanceId", {"twice": True}),
    ],
)
def test_requests_that_are_refused(ssm, machine, code, more):
    instance = machine()
    if more.pop("twice", False):
        more = {"InstanceIds": [instance, instance]}
    refused(code, lambda **given: send(ssm, instance, "true", **given), **more)


def test_a_comment_of_a_hundred_characters_comes_back(ssm, machine):
    instance = machine()
    command = send(ssm, instance, "true", Comment="ä" * 100)
    assert invocation(ssm, command, instance)["Comment"] == "ä" * 100
    [listed] = ssm.list_command_invocations(InstanceId=instance)["CommandInvocations"]
    assert listed["Comment"] == "ä" * 100


def test_an_execution_timeout_that_the_agent_finds_too_short_is_an_hour(sim, ssm, machine):
    instance = machine()
    command = send(ssm, instance, "sleep 100", execution=4)
    sim.advance(101)
    assert status(ssm, command, instance) == ("Success", "Success", 0)


def test_lists_are_paged_and_filtered_by_the_finer_status(sim, ssm, machine):
    instance = machine()
    sent = [send(ssm, instance, f"exit {code}") for code in (0, 1, 0)]
    sent.append(send(ssm, instance, "sleep 100", execution=10))
    sim.advance(20)
    pages = ssm.get_paginator("list_command_invocations").paginate(
        InstanceId=instance, PaginationConfig={"PageSize": 1}
    )
    found = [one["CommandId"] for page in pages for one in page["CommandInvocations"]]
    assert sorted(found) == sorted(sent)

    def with_status(name):
        filters = [{"key": "Status", "value": name}]
        return [c["CommandId"] for c in ssm.list_commands(Filters=filters)["Commands"]]

    assert with_status("Failed") == [sent[1]]
    assert with_status("ExecutionTimedOut") == with_status("TimedOut") == [sent[3]]


def test_a_command_does_not_show_while_reads_lag(sim, ssm, machine):
    instance = machine()
    sim.admin("config", {"lagSeconds": 5})
    command = send(ssm, instance, "echo hello")
    refused("InvocationDoesNotExist", invocation, ssm=ssm, command=command, instance=instance)
    assert ssm.list_command_invocations(CommandId=command)["CommandInvocations"] == []
    sim.advance(6)
    assert status(ssm, command, instance)[0] == "Success"


def test_boto3_waits_for_the_end(sim, ssm, machine):
    instance = machine()
    command = send(ssm, instance, "echo hello")
    ssm.get_waiter("command_executed").wait(CommandId=command, InstanceId=instance)
