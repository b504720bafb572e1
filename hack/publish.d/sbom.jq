# The libraries in a program as components of CycloneDX, of what NuGet resolved (project.assets.json): jq --arg rid RID --arg form FORM --rawfile licenses FILE -f sbom.jq
# licenses has "id version license" on each line, tabs between.

# base64 as hex digits: two characters are twelve bits. NuGet writes hashes so, CycloneDX wants them in hex.
def hex: ["0123456789abcdef" | explode[] | [.] | implode] as $digits
  | (reduce ("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/" | explode | to_entries[]) as $c ({}; .["\($c.value)"] = $c.key)) as $values
  | (length / 4 * 3 - (if endswith("==") then 2 elif endswith("=") then 1 else 0 end)) as $bytes
  | [explode[] | $values["\(.)"] // 0] as $bits
  | [range(0; $bits | length; 2) | $bits[.] * 64 + $bits[. + 1] | (. / 256 | floor), (. % 256 / 16 | floor), . % 16 | $digits[.]]
  | join("")[:$bytes * 2];
def purl: "pkg:nuget/\(.name)@\(.version)";

([$licenses | split("\n")[] | select(. != "") | split("\t") | {key: "\(.[0])/\(.[1])" | ascii_downcase, value: {license: .[2], hash: .[3]}}] | from_entries) as $known
| .targets["net10.0/\($rid)"] as $packages
| (.libraries | with_entries(.key |= ascii_downcase)) as $libraries
# What is linked in: a package that is there for the compiler, or refers to others alone, has nothing at run time.
| ([$packages | to_entries[] | select(.value.type == "package") | select([(.value.runtime // {}, .value.native // {}) | keys[] | select(endswith("_._") | not)] != [])
    | {name: (.key | split("/")[0]), version: (.key | split("/")[1]), needs: (.value.dependencies // {} | keys)}]
  # The runtime itself, of the form that was compiled.
  + [.project.frameworks["net10.0"].downloadDependencies[]? | select(.name | test("^Microsoft\\.AspNetCore\\.App\\.Runtime\\." + $rid) or
      (if $form == "native" then test("^Microsoft\\.NETCore\\.App\\.Runtime\\.NativeAOT\\." + $rid) else test("^Microsoft\\.NETCore\\.App\\.Runtime\\." + $rid) end))
    | {name, version: (.version | ltrimstr("[") | split(",")[0]), needs: []}]
  | sort_by(.name)) as $linked
| ($linked | map({key: .name, value: purl}) | from_entries) as $refs
| {
    components: [$linked[] | "\(.name)/\(.version)" as $key | ($known[$key | ascii_downcase] // error("no licence of \($key) is known")) as $of
      | {
          type: "library", "bom-ref": purl, name, version, purl: purl, scope: "required",
          licenses: [if $of.license | startswith("http") then {license: {name: $of.license, url: $of.license}} else {expression: $of.license} end],
          hashes: [{alg: "SHA-512", content: (($libraries[$key | ascii_downcase].sha512 // $of.hash) | hex)}]
        }],
    dependencies: [$linked[] | {ref: purl, dependsOn: [.needs[] | $refs[.] // empty]}]
  }
