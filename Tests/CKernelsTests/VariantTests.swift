import CKernels
import Foundation
import KernelCases
import Support
import Testing

@Suite struct `The numeric contract` {
  private func digests() -> [String] {
    final class Lines { var all: [String] = [] }
    let lines = Lines()
    kernel_cases_run(
      { context, name, digest in
        guard let context, let name, let digest else { return }
        Unmanaged<Lines>.fromOpaque(context).takeUnretainedValue().all
          .append(String(cString: digest) + " " + String(cString: name))
      }, Unmanaged.passUnretained(lines).toOpaque())
    return lines.all
  }

  @Test func `Every kernel gives the recorded bits in every variant that this processor can run`() throws {
    let table = URL(filePath: #filePath).deletingLastPathComponent().appending(
      path: "../KernelCases/golden.txt")
    let golden = try String(contentsOf: table, encoding: .utf8).split(separator: "\n").map(String.init)
    Variants.forEach { variant in
      let found = digests()
      #expect(found.count == golden.count)
      for (line, expected) in zip(found, golden) { #expect(line == expected, "variant \(variant)") }
    }
  }

  @Test func `Kernels that run at the same time on several threads give the same bits`() async {
    let alone = digests()
    let together = await withTaskGroup(of: [String].self) { group in
      for _ in 0..<4 { group.addTask { digests() } }
      return await group.reduce(into: []) { $0.append($1) }
    }
    #expect(together.count == 4)
    for found in together { #expect(found == alone) }
  }

  @Test func `A variant that is not there is refused`() {
    #expect(!brake_variant_available(17))
    #expect(!brake_variant_select(-1))
    #expect(brake_variant_available(brake_variant_current()))
  }
}
