// Package policies checks what a stack registers against security rules: named
// rows over the whole graph of resources, most with the control of AWS Security
// Hub that they stand for.
//
// [Decode] reads the graph from a preview, an export or a state file, [Check]
// applies [Rules] to it, and a [Report] is text or Markdown. What a preview does
// not know yet passes, and is counted. A rule is set aside only by a row of
// exceptions.json, which has a reason and a last day.
package policies
