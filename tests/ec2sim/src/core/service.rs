//! The services, and who carries out their actions.

use super::Handler;
use crate::{ec2, iam, kms, ssm, sts};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Service {
    Ec2,
    Sts,
    Ssm,
    Iam,
    Kms,
}

impl Service {
    /// By the name of the signature's scope.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "ec2" => Some(Self::Ec2),
            "sts" => Some(Self::Sts),
            "ssm" => Some(Self::Ssm),
            "iam" => Some(Self::Iam),
            "kms" => Some(Self::Kms),
            _ => None,
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Ec2 => "ec2",
            Self::Sts => "sts",
            Self::Ssm => "ssm",
            Self::Iam => "iam",
            Self::Kms => "kms",
        }
    }
}

pub(super) fn handler(service: Service, action: &str) -> Option<Handler> {
    match service {
        Service::Ec2 => ec2::handler(action),
        Service::Sts => sts::handler(action),
        Service::Ssm => ssm::handler(action),
        Service::Iam => iam::profiles::handler(action).or_else(|| iam::roles::handler(action)),
        Service::Kms => kms::handler(action),
    }
}
