package main

import "context"

const (
	known          = "github.event.pull_request.head.repo.full_name == github.repository && github.event.pull_request.user.login != 'dependabot[bot]' && github.actor != 'dependabot[bot]'"
	unknown        = "(github.event.pull_request.head.repo.full_name != github.repository || github.event.pull_request.user.login == 'dependabot[bot]' || github.actor == 'dependabot[bot]')"
	sameRepository = "needs.affected.outputs.stacks != '[]' && " + known
	fork           = "needs.affected.outputs.stacks != '[]' && " + unknown
	postsComment   = "always() && " + known
	rendersComment = "!cancelled() && needs.affected.result == 'success'"

	byCheck = "make check runs it"
	network = "it needs the network"
)

// pull are the values of a pull request.
func pull(condition, label string) values {
	return values{
		"github.event.pull_request.base.sha": "origin/main", "github.event.number": "7", condition: "true", rendersComment: "true", postsComment: "true",
		"join(github.event.pull_request.labels.*.name, ',')": label, "github.token": "token", "vars.PULUMI_BACKEND_URL": "",
	}
}

// release are the values of a release of the npm package.
func (s *stage) release(conditions ...string) values {
	v := values{"inputs.tools": "", "secrets.NPM_TOKEN || ''": s.token, "inputs.version": "0.11.0", "inputs.use": "", "inputs.message": "a rehearsal"}
	for _, condition := range conditions {
		v[condition] = "true"
	}
	return v
}

// scenarios are the workflows in the order in which a change goes through them.
func (s *stage) scenarios(ctx context.Context) error {
	deploy := scenario{workflow: "deploy", values: values{
		"vars.PULUMI_BACKEND_URL": "", "github.event.before": "origin/main",
		"contains(needs.image.outputs.stacks, 'prod') || contains(needs.image.outputs.stacks, 'dr')":                              "true",
		"!cancelled() && needs.image.result == 'success' && needs.plan.result != 'failure' && needs.platform.result != 'failure'": "true",
	}}
	switching := func(to string) scenario {
		return scenario{workflow: "switch", values: values{
			"vars.PULUMI_BACKEND_URL": "", "github.token": "token", "inputs.to": to, "inputs.bake": "5s", "inputs.guard": "5s",
		}}
	}
	if err := s.agent(ctx, "change", "Prefer small commits."); err != nil {
		return err
	}
	if err := s.playAll(ctx,
		scenario{workflow: "test", leave: map[string]string{
			"make lint actionlint": byCheck, "make workflows": "this is it", "make test": byCheck, "make test-pure": byCheck + ", as make test", "make sandbox": byCheck + ", as TestTour",
			"make vulnerabilities": network,
		}},
		scenario{workflow: "uats-compliance", leave: map[string]string{"make conformance": byCheck}},
		scenario{workflow: "preview", values: pull(sameRepository, "")},
		scenario{workflow: "preview", values: pull(fork, "")},
	); err != nil {
		return err
	}
	comments := s.github.Comments(7)
	if err := expect(len(comments) == 1 && contains(comments[0].Body, "commit", "blue"), "pull request 7 has one comment, about the agent"); err != nil {
		return err
	}
	if err := s.playAll(ctx, deploy, switching("green")); err != nil {
		return err
	}
	if err := s.agent(ctx, "next", "Prefer short messages."); err != nil {
		return err
	}
	// The second release comes up on blue, which has the first one to go back to. The
	// branch stands for what ops commits where the stack files are in the repository.
	if err := s.do(ctx, "git branch ops/traffic-20261129-000000"); err != nil {
		return err
	}
	if err := s.playAll(ctx, deploy, switching(""),
		scenario{workflow: "rollback", values: values{"vars.PULUMI_BACKEND_URL": "", "inputs.color": "blue"}},
	); err != nil {
		return err
	}
	if err := expect(len(s.github.Pulls()) == 1, "one pull request proposes the weights"); err != nil {
		return err
	}
	if err := s.drift(ctx); err != nil {
		return err
	}
	return s.playAll(ctx,
		scenario{workflow: "release-npm", values: s.release("inputs.what != 'deprecate'", "inputs.what == 'publish'")},
		scenario{workflow: "release-npm", values: s.release("inputs.what == 'deprecate'")},
		scenario{workflow: "security", leave: map[string]string{"make vulnerabilities": network, "make image-scan": network}},
	)
}

// drift changes the account behind Pulumi's back, and puts it right again.
func (s *stage) drift(ctx context.Context) error {
	nightly := scenario{workflow: "drift", values: values{"vars.PULUMI_BACKEND_URL": "", "github.token": "token"}, fails: "make drift"}
	if err := s.do(ctx, s.sandbox+" up --refresh --stack blue"); err != nil { // which was rolled back
		return err
	}
	if err := s.do(ctx, s.sandbox+" drift rds/instance database backupRetentionPeriod=1"); err != nil {
		return err
	}
	if err := s.playAll(ctx, nightly); err != nil {
		return err
	}
	issues := s.github.Issues()
	if err := expect(len(issues) == 1 && contains(issues[0].Body, "backupRetentionPeriod"), "an issue tells of the drift"); err != nil {
		return err
	}
	if err := s.do(ctx, s.sandbox+" up --refresh --stack prod"); err != nil {
		return err
	}
	nightly.fails = ""
	if err := s.playAll(ctx, nightly); err != nil {
		return err
	}
	return expect(s.github.Issues()[0].State == "closed", "the issue is closed when the drift is gone")
}
