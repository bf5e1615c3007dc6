package registry

import "fmt"

const (
	// tagPrefix starts the immutable tag that agentbundle sets with each push.
	tagPrefix = "bundle-"
	// untaggedDays is how long manifests without a tag are kept, in days.
	untaggedDays = 14
)

// Args configures a [Registry].
type Args struct {
	// Name of the repository, for example "codeflow/codeflow-server". Required;
	// a change replaces the repository.
	Name string
	// Keep is how many tagged images stay, at least 4: two colours with a
	// current and a previous image each. Default 20. Updates in place.
	Keep int
	// ForceDelete lets destroy remove a repository that still holds images.
	// Default false. Updates in place.
	ForceDelete bool
}

func (a *Args) validate() error {
	if a.Keep == 0 {
		a.Keep = 20
	}
	switch {
	case a.Name == "":
		return fmt.Errorf("Name is required: give the repository's name, for example %q", "codeflow/codeflow-server")
	case a.Keep < 4:
		return fmt.Errorf("Keep must be at least 4 (two colours, current and previous), got %d", a.Keep)
	}
	return nil
}

// lifecycle expires all but the last keep tagged images, and untagged ones
// after two weeks. A multi-platform image is one tagged index: ECR keeps the
// manifests that a kept index refers to.
// https://docs.aws.amazon.com/AmazonECR/latest/userguide/LifecyclePolicies.html
func lifecycle(keep int) any {
	rule := func(priority int, description string, selection map[string]any) map[string]any {
		return map[string]any{
			"rulePriority": priority, "description": description,
			"selection": selection, "action": map[string]any{"type": "expire"},
		}
	}
	return map[string]any{"rules": []any{
		rule(1, "keep the last bundles", map[string]any{
			"tagStatus": "tagged", "tagPrefixList": []string{tagPrefix},
			"countType": "imageCountMoreThan", "countNumber": keep,
		}),
		rule(2, "drop what lost its tag", map[string]any{
			"tagStatus": "untagged", "countType": "sinceImagePushed", "countUnit": "days", "countNumber": untaggedDays,
		}),
	}}
}
