import Foundation
import Support
import Testing

/// Records, trees, references and what is remembered, as somebody else may have written them.
@Suite struct HostileStoreCommandTests {
  let folder = TemporaryFolder()

  @Test
  func `verify, ls, show and run end in order on stores that were mutated, and write nothing elsewhere`()
    throws
  {
    folder.write(
      """
      stages:
        f: { run: "mkdir ${out.o}; echo one > ${out.o}/a.txt; echo said", out: { o: folder/ } }
        g: { run: "cat ${in.f} > ${out.o}", in: { f: f.o }, out: { o: o.txt }, publish: results/ }
      """, to: "work/brake.yaml")
    #expect(try folder.brake("run", at: "work").status == 0)
    folder.write("precious", to: "victim/file")
    // Sums that are right, over names that lead elsewhere.
    folder.write(
      """
      set -e
      rm -rf work/cache work/results; cp -r sound work/cache; cd work/cache
      file=$(find actions refs index objects -type f | sort | awk -v n=$1 '{ f[NR] = $0 } END { print f[n % NR + 1] }')
      chmod u+w "$file"
      case $(($1 % 5)) in
      0) truncate -s $(($1 * 7)) "$file" ;;
      1) printf '\\377' | dd of="$file" bs=1 seek=$(($1 * 3 % 90)) conv=notrunc 2>/dev/null ;;
      2) cat "$file" "$file" > x; mv x "$file" ;;
      3) : > "$file" ;;
      4) file=$(find actions -type f | head -$(($1 / 5 % 2 + 1)) | tail -1); chmod u+w "$file"
        head -c -74 "$file" | sed 's|"key":"[^"]*"|"key":"../../victim/file"|; s|"name":"o"|"name":"../../../victim/file"|' > x
        sum=$(sha256sum < x | cut -c1-64); printf ',"sum":"%s"}' $sum >> x; mv -f x "$file" ;;
      esac
      """, to: "mutate.sh")
    _ = try folder.shell("cp -r work/cache sound")
    var endings: [Int32: Int] = [:]
    for number in 0..<20 {
      #expect(try folder.shell("bash mutate.sh \(number)").status == 0)
      for command in ["verify", "ls", "show g.o", "run", "verify"] {
        let run = try folder.shell("cd work; exec timeout 60 \"$BRAKE\" \(command)")
        #expect([0, 1, 2].contains(run.status), "\(number) \(command): \(run.status) \(run.err)")
        #expect(!run.err.contains("Fatal error"))
        endings[run.status, default: 0] += 1
      }
      #expect(folder.text("victim/file") == "precious")
      let files = try folder.shell("find . -type f ! -path './work/cache/*' ! -path './sound/*' | sort")
        .outLines
      let expected: Set<Substring> = [
        "./mutate.sh", "./victim/file", "./work/brake.yaml", "./work/results/o.txt",
      ]
      #expect(expected.isSuperset(of: files))
    }
    print("hostile stores: 20 mutants, 100 commands, by exit status \(endings)")
  }

  @Test func `A file among the references that is none keeps nobody from seeing the rest`() throws {
    let digest = try #require(
      try folder.brake("put", folder.write("text", to: "file")).outLines.first?.prefix(71))
    #expect(try folder.brake("ref", "good", String(digest)).status == 0)
    folder.write(String(repeating: "x", count: 5000), to: "cache/refs/large")
    let list = try folder.brake("ls")
    #expect(list.status == 0 && list.out.contains("reference good") && list.err.contains("large"))
    let references = try folder.brake("refs")
    #expect(references.status == 2 && references.out.contains("@good") && references.err.contains("large"))
  }
}
