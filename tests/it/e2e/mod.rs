//! The operator as a process under the RBAC of its ServiceAccount, against a real Kubernetes API server and ec2sim over
//! HTTP.

mod admission_tests;
mod api_server_tests;
mod kill_tests;
mod life_cycle_tests;
mod orphan_tests;
mod permission_tests;
mod process_tests;
pub mod stand;
