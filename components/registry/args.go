package registry

import "fmt"

const (
	// untaggedDays is how long manifests without a tag are kept, in days.
	untaggedDays = 14
)

// Args configures a [Registry].
type Args struct {
	// Name of the repository, for example "codeflow/codeflow-server". Required;
	// a change replaces the repository.
	Name string
	// Prefixes of the tags of those who use images, for example "blue-". Each keeps
	// its own images, however many the others push. Required; updates in place.
	Prefixes []string
	// Keep is how many images of each prefix stay, at least 2: the current and the
	// previous one. Default 10. Updates in place.
	Keep int
	// ForceDelete lets destroy remove a repository that still holds images.
	// Default false. Updates in place.
	ForceDelete bool
}

func (a *Args) validate() error {
	if a.Keep == 0 {
		a.Keep = 10
	}
	switch {
	case a.Name == "":
		return fmt.Errorf("Name is required: give the repository's name, for example %q", "codeflow/codeflow-server")
	case len(a.Prefixes) == 0:
		return fmt.Errorf("Prefixes is required: give those of the tags to keep, for example %q", "blue-")
	case a.Keep < 2:
		return fmt.Errorf("Keep must be at least 2 (current and previous), got %d", a.Keep)
	}
	return nil
}

// lifecycle expires all but the last keep images of each prefix, and untagged
// ones after two weeks. A multi-platform image is one tagged index: ECR keeps the
// manifests that a kept index refers to, and an image that matches a rule is never
// expired by a later one.
// https://docs.aws.amazon.com/AmazonECR/latest/userguide/LifecyclePolicies.html
func lifecycle(prefixes []string, keep int) any {
	var rules []any
	rule := func(description string, selection map[string]any) {
		rules = append(rules, map[string]any{
			"rulePriority": len(rules) + 1, "description": description,
			"selection": selection, "action": map[string]any{"type": "expire"},
		})
	}
	for _, prefix := range prefixes {
		rule("keep the last of "+prefix, map[string]any{
			"tagStatus": "tagged", "tagPrefixList": []string{prefix},
			"countType": "imageCountMoreThan", "countNumber": keep,
		})
	}
	rule("drop what lost its tag", map[string]any{
		"tagStatus": "untagged", "countType": "sinceImagePushed", "countUnit": "days", "countNumber": untaggedDays,
	})
	return map[string]any{"rules": rules}
}
