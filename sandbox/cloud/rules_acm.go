package cloud

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
)

// issued is the status of a certificate that can be used.
const issued = "ISSUED"

var acmRules = map[string]Rule{
	"acm/certificate": {
		ID: "{arn}", ARN: "acm:{region}:{account}:certificate/{uuid}",
		Outputs: map[string]any{
			"status": "PENDING_VALIDATION", "type": "AMAZON_ISSUED", "keyAlgorithm": "RSA_2048", "pendingRenewal": false,
			"renewalEligibility": "INELIGIBLE", "validationEmails": []any{}, "notBefore": "", "notAfter": "",
		},
		Apply:   requestCertificate,
		Missing: "CertificateNotFound: Certificate '{value}' not found",
		InUse:   "ResourceInUseException: Certificate {id} in account {account} is in use.",
	},
	"acm/certificateValidation": {
		ID:    "0001-01-01 00:00:00 +0000 UTC {hex8}",
		Refs:  []Ref{{Path: "certificateArn", To: "acm/certificate", By: "arn", Loose: true}},
		Apply: validateCertificate,
	},
}

// requestCertificate makes the validation records. They depend on the account
// and the domain only, so a name and its wildcard share one, in every region.
func requestCertificate(c *call) error {
	if c.old != nil {
		return nil
	}
	if c.in.has("certificateBody") {
		c.out["status"], c.out["type"] = issued, "IMPORTED"
		return nil
	}
	var options []any
	domains := append(c.in.strs("domainName"), c.in.strs("subjectAlternativeNames")...)
	slices.Sort(domains)
	for _, domain := range slices.Compact(domains) {
		base := strings.TrimPrefix(domain, "*.")
		options = append(options, map[string]any{
			"domainName": domain, "resourceRecordType": "CNAME",
			"resourceRecordName":  "_" + token(base, "name") + "." + base + ".",
			"resourceRecordValue": "_" + token(base, "value") + "." + token("acm", "")[:10] + ".acm-validations.aws.",
		})
	}
	c.out["domainValidationOptions"] = options
	if c.out["subjectAlternativeNames"] == nil {
		c.out["subjectAlternativeNames"] = []any{c.in.str("domainName")}
	}
	return nil
}

func token(domain, purpose string) string {
	sum := sha256.Sum256([]byte(Account + " " + domain + " " + purpose))
	return hex.EncodeToString(sum[:16])
}

// validateCertificate issues a certificate whose validation records exist.
func validateCertificate(c *call) error {
	certificate := c.find("acm/certificate", "arn", c.in.str("certificateArn"))
	for _, option := range props(certificate.Outputs).objects("domainValidationOptions") {
		name := strings.TrimSuffix(option.str("resourceRecordName"), ".")
		record := c.find("route53/record", "fqdn", name)
		if record == nil {
			return fmt.Errorf("waiting for ACM Certificate (%s) to be issued: timeout while waiting for state to become 'ISSUED' "+
				"(last state: 'PENDING_VALIDATION', timeout: 1h15m0s): no record %s", certificate.ID, name)
		}
	}
	certificate.Outputs["status"] = issued
	certificate.Outputs["notBefore"], certificate.Outputs["notAfter"] = "2025-01-01T00:00:00Z", "2099-01-01T00:00:00Z"
	return c.cloud.store.Put(certificate)
}

// covers reports whether a certificate is valid for a domain.
func covers(certificate props, domain string) bool {
	names := append(certificate.strs("domainName"), certificate.strs("subjectAlternativeNames")...)
	_, parent, _ := strings.Cut(domain, ".")
	return slices.Contains(names, domain) || slices.Contains(names, "*."+parent)
}
