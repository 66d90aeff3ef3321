// Writes a vulnerability database with one planted vulnerability, by Grype's own writer.
//
// Usage: grypedb FOLDER
package main

import (
	"log"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/afero"

	v6 "github.com/anchore/grype/grype/db/v6"
)

func main() {
	folder := filepath.Join(os.Args[1], "6")
	if err := os.MkdirAll(folder, 0o755); err != nil {
		log.Fatal(err)
	}
	writer, err := v6.NewWriter(v6.Config{DBDirPath: folder})
	if err != nil {
		log.Fatal(err)
	}
	now := time.Now().UTC()
	provider := &v6.Provider{ID: "debian", Version: "1", Processor: "test", DateCaptured: &now}
	for id, one := range map[string]struct {
		pkg, severity, fixed string
	}{
		"CVE-2026-0001": {"planted", "high", "1.3"},
		"CVE-2026-0002": {"unfixed", "critical", ""},
	} {
		vulnerability := &v6.VulnerabilityHandle{
			Name: id, Status: v6.VulnerabilityActive, PublishedDate: &now, ModifiedDate: &now,
			ProviderID: "debian", Provider: provider,
			BlobValue: &v6.VulnerabilityBlob{
				ID:          id,
				Description: "planted for a test",
				Severities:  []v6.Severity{{Scheme: v6.SeveritySchemeCHMLN, Value: one.severity, Rank: 1}},
			},
		}
		if err := writer.AddVulnerabilities(vulnerability); err != nil {
			log.Fatal(err)
		}
		fix := &v6.Fix{State: v6.NotFixedStatus}
		constraint := ""
		if one.fixed != "" {
			fix = &v6.Fix{State: v6.FixedStatus, Version: one.fixed}
			constraint = "< " + one.fixed
		}
		if err := writer.AddAffectedPackages(&v6.AffectedPackageHandle{
			Vulnerability: vulnerability,
			OperatingSystem: &v6.OperatingSystem{
				Name: "debian", ReleaseID: "debian", MajorVersion: "12", Codename: "bookworm",
			},
			Package: &v6.Package{Name: one.pkg, Ecosystem: "deb"},
			BlobValue: &v6.PackageBlob{
				CVEs:   []string{id},
				Ranges: []v6.Range{{Version: v6.Version{Type: "dpkg", Constraint: constraint}, Fix: fix}},
			},
		}); err != nil {
			log.Fatal(err)
		}
	}
	if err := writer.Close(); err != nil {
		log.Fatal(err)
	}
	if _, err := v6.WriteImportMetadata(afero.NewOsFs(), folder, "test"); err != nil {
		log.Fatal(err)
	}
}
