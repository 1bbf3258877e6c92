"""Labels of parameter versions, and their history."""

import pytest
from conftest import refused

NAME = "/images/web"


@pytest.fixture(autouse=True)
def parameter(ssm):
    for value in ("one", "two", "three"):
        ssm.put_parameter(Name=NAME, Value=value, Type="String", Overwrite=True)


def value(ssm, selector):
    return ssm.get_parameter(Name=f"{NAME}:{selector}")["Parameter"]["Value"]


def test_a_label_names_a_version_and_moves(ssm):
    reply = ssm.label_parameter_version(Name=NAME, ParameterVersion=1, Labels=["stable"])
    assert (reply["InvalidLabels"], reply["ParameterVersion"]) == ([], 1)
    assert value(ssm, "stable") == "one"
    assert ssm.label_parameter_version(Name=NAME, Labels=["stable"])["ParameterVersion"] == 3
    assert value(ssm, "stable") == "three"


@pytest.mark.parametrize("label", ["1st", "aws-label", "SSM-label", "a b"])
def test_wrong_labels_are_named(ssm, label):
    reply = ssm.label_parameter_version(Name=NAME, Labels=[label, "good"])
    assert reply["InvalidLabels"] == [label]
    assert value(ssm, "good") == "three"


def test_ten_labels_are_the_limit(ssm):
    ssm.label_parameter_version(Name=NAME, Labels=[f"l{i}" for i in range(10)])
    refused("ParameterVersionLabelLimitExceeded", ssm.label_parameter_version, Name=NAME, Labels=["more"])


def test_a_label_is_taken_away(ssm):
    ssm.label_parameter_version(Name=NAME, ParameterVersion=2, Labels=["stable"])
    reply = ssm.unlabel_parameter_version(Name=NAME, ParameterVersion=2, Labels=["stable", "other"])
    assert (reply["RemovedLabels"], reply["InvalidLabels"]) == (["stable"], ["other"])
    refused("ParameterVersionNotFound", value, ssm=ssm, selector="stable")


def test_what_does_not_exist_cannot_be_labelled(ssm):
    refused("ParameterNotFound", ssm.label_parameter_version, Name="/absent", Labels=["a"])
    refused("ParameterVersionNotFound", ssm.label_parameter_version, Name=NAME, ParameterVersion=9, Labels=["a"])


def test_the_history_begins_with_the_oldest_version(ssm):
    ssm.label_parameter_version(Name=NAME, ParameterVersion=2, Labels=["stable"])
    history = ssm.get_parameter_history(Name=NAME)["Parameters"]
    assert [(p["Version"], p["Value"], p["Labels"]) for p in history] == [
        (1, "one", []),
        (2, "two", ["stable"]),
        (3, "three", []),
    ]
    first = ssm.get_parameter_history(Name=NAME, MaxResults=2)
    rest = ssm.get_parameter_history(Name=NAME, NextToken=first["NextToken"])["Parameters"]
    assert [p["Version"] for p in rest] == [3]
    refused("ParameterNotFound", ssm.get_parameter_history, Name="/absent")
