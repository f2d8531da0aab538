// Package registrytest has what tests need to work with registries: the
// acceptance suite of pkg/registry's stores ([Suite]), a registry inside the
// test process with the quirks of others ([InProcess]), the CNCF registry as a
// real program ([Distribution]), and transports that count requests ([Recorder])
// and break them ([Faults]).
package registrytest
