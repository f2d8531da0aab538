package cli

import (
	"net/url"
	"path/filepath"
	"strings"

	"github.com/pinwheel-oci/pinwheel/pkg/wheel"
)

// What is used of the Static Analysis Results Interchange Format (SARIF)
// version 2.1.0, errata 01. The numbers are its sections.
type (
	sarifLog struct { // 3.13
		Schema  string     `json:"$schema"`
		Version string     `json:"version"`
		Runs    []sarifRun `json:"runs"`
	}
	sarifRun struct { // 3.14
		Tool        sarifTool         `json:"tool"`
		Invocations []sarifInvocation `json:"invocations"`
		Results     []sarifResult     `json:"results"`
	}
	sarifTool struct { // 3.18
		Driver sarifDriver `json:"driver"`
	}
	sarifDriver struct { // 3.19
		Name    string      `json:"name"`
		Version string      `json:"version"`
		Rules   []sarifRule `json:"rules"`
	}
	sarifRule struct { // 3.49
		ID               string             `json:"id"`
		ShortDescription sarifText          `json:"shortDescription"`
		Default          sarifConfiguration `json:"defaultConfiguration"`
	}
	sarifConfiguration struct { // 3.50
		Level string `json:"level"`
	}
	sarifText struct { // 3.11, 3.12
		Text string `json:"text"`
	}
	sarifInvocation struct { // 3.20
		ExecutionSuccessful bool                `json:"executionSuccessful"`
		Notifications       []sarifNotification `json:"toolExecutionNotifications,omitempty"`
	}
	sarifNotification struct { // 3.58
		Level     string          `json:"level"`
		Message   sarifText       `json:"message"`
		Locations []sarifLocation `json:"locations"`
	}
	sarifResult struct { // 3.27
		RuleID    string          `json:"ruleId"`
		RuleIndex int             `json:"ruleIndex"`
		Level     string          `json:"level"`
		Message   sarifText       `json:"message"`
		Locations []sarifLocation `json:"locations"`
	}
	sarifLocation struct { // 3.28
		Physical sarifPhysical  `json:"physicalLocation"`
		Logical  []sarifLogical `json:"logicalLocations,omitempty"`
	}
	sarifPhysical struct { // 3.29
		Artifact sarifArtifact `json:"artifactLocation"`
	}
	sarifArtifact struct { // 3.4
		URI string `json:"uri"`
	}
	sarifLogical struct { // 3.33
		Name string `json:"fullyQualifiedName"`
		Kind string `json:"kind"`
	}
)

const sarifSchema = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"

// newSARIF is the report as one run. Files that could not be read are
// notifications, since no rule is about them.
func newSARIF(list []checked, version string) sarifLog {
	run := sarifRun{
		Tool:        sarifTool{sarifDriver{Name: "pinwheel", Version: version}},
		Invocations: []sarifInvocation{{ExecutionSuccessful: true}},
		Results:     []sarifResult{},
	}
	index := make(map[string]int)
	for i, r := range wheel.Rules() {
		level := "warning"
		if r.Refuses {
			level = "error"
		}
		index[string(r.Rule)] = i
		run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, sarifRule{string(r.Rule), sarifText{r.Text}, sarifConfiguration{level}})
	}
	for _, c := range list {
		add := func(f finding, level string) {
			run.Results = append(run.Results, sarifResult{
				RuleID: f.Rule, RuleIndex: index[f.Rule], Level: level,
				Message:   sarifText{(&wheel.Error{Member: f.Member, Reason: f.Reason}).Error()},
				Locations: []sarifLocation{sarifPlace(c.File, f.Member)},
			})
		}
		for _, f := range c.Refusals {
			add(f, "error")
		}
		for _, f := range c.Warnings {
			add(f, "warning")
		}
		if c.Error != "" {
			i := &run.Invocations[0]
			i.ExecutionSuccessful = false
			i.Notifications = append(i.Notifications, sarifNotification{"error", sarifText{c.Error}, []sarifLocation{sarifPlace(c.File, "")}})
		}
	}
	return sarifLog{Schema: sarifSchema, Version: "2.1.0", Runs: []sarifRun{run}}
}

// sarifPlace is a file, and a member of it. URIs are relative where the path
// is; viewers resolve them against the directory that was checked.
func sarifPlace(file, member string) sarifLocation {
	u := url.URL{Path: filepath.ToSlash(file)}
	if strings.HasPrefix(u.Path, "/") {
		u.Scheme = "file"
	}
	at := sarifLocation{Physical: sarifPhysical{sarifArtifact{u.String()}}}
	if member != "" {
		at.Logical = []sarifLogical{{Name: member, Kind: "resource"}}
	}
	return at
}
