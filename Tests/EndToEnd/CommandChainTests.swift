import Foundation
import Support
import Testing

@Suite struct CommandChainTests {
  let folder = TemporaryFolder()

  private func write(_ steps: String) {
    folder.write(
      """
      stages:
        train:
          chain: { step: \(steps) }
          run: |
            { cat ${previous.ckpt} /dev/null; echo ${step}; } > ${out.ckpt}
          out: { ckpt: ckpt.pt }
      """.replacing(
        "cat ${previous.ckpt} /dev/null", with: "test -z ${previous.ckpt} || cat ${previous.ckpt}"),
      to: "brake.yaml")
  }

  @Test func `A longer chain goes on where a shorter one ended`() throws {
    write("[1, 2, 4]")
    let first = try folder.brake("run")
    #expect(first.status == 0, "\(first.err)")
    #expect(try folder.brake("cat", "train[4].ckpt").out == "1\n2\n4\n")
    write("{from: 1, to: 16, factor: 2}")
    #expect(try folder.brake("run").out.hasPrefix("5 planned: 2 ran, 3 hit"))
    #expect(try folder.brake("cat", "train[16].ckpt").out == "1\n2\n4\n8\n16\n")
    #expect(try folder.brake("provenance", "train[16].ckpt").out.contains("train[1]"))
    #expect(try folder.brake("lint").out == "no errors, no warnings\n")
    #expect(try folder.brake("train[2]").out.hasPrefix("2 planned: 0 ran, 2 hit"))
  }

  @Test func `What is wrong with a chain is said with its place`() throws {
    write("[4, 2]")
    let run = try folder.brake("run")
    #expect(run.status == 2)
    #expect(
      run.err.contains(
        "brake.yaml:3:24: error: the steps of the chain 'train' do not increase: 2 comes behind 4"))
  }
}
