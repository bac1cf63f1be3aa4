import Foundation
import Support
import Testing

@testable import System

/// What this process may use of its machine.
@Suite struct MachineTests {
  private let folder = TemporaryFolder()

  private func group(_ membership: String, _ limits: [String: String]) -> ControlGroup {
    for (file, text) in limits { folder.write(text + "\n", to: "groups/" + file) }
    return ControlGroup(
      hierarchy: folder["groups"], membership: folder.write(membership + "\n", to: "membership"))
  }

  private func memory(_ membership: String, _ limits: [String: String]) -> Int? {
    group(membership, limits).memory
  }

  @Test
  func
    `Processors are those that the group's quota gives and those above it, in either version of control groups`()
  {
    #expect(group("0::/a/b", ["a/cpu.max": "150000 100000", "a/b/cpu.max": "max 100000"]).processors == 2)
    #expect(group("0::/x", ["x/cpu.max": "max 100000"]).processors == nil)
    // In a container, the root of the hierarchy is the container's own group.
    #expect(group("0::/x", ["cpu.max": "300000 100000"]).processors == 3)
    #expect(
      group("4:cpu,cpuacct:/y", ["cpu/y/cpu.cfs_quota_us": "50000", "cpu/y/cpu.cfs_period_us": "100000"])
        .processors == 1)
  }

  @Test(arguments: ["max 100000", "-1 100000", "0 100000", "100000 0", "100000", "x y", ""])
  func `Where no quota can be told there is none`(limit: String) {
    #expect(group("0::/", ["cpu.max": limit]).processors == nil)
  }

  @Test func `Memory is what the group allows and those above it, in either version of control groups`() {
    #expect(memory("0::/a/b", ["a/memory.max": "1000", "a/b/memory.max": "max"]) == 1000)
    #expect(memory("0::/a/b", ["a/b/memory.max": "500"]) == 500)
    #expect(memory("4:memory:/x/y\n3:cpuset:/", ["memory/x/memory.limit_in_bytes": "700"]) == 700)
    #expect(memory("4:cpu,memory:/x\n0::/", ["unified/memory.max": "600"]) == 600)
    #expect(memory("0::/", ["memory.max": "300"]) == 300)
  }

  @Test(arguments: ["", "0::", "x", "4:memory:..", "0::/a", "1:name=systemd:/a"])
  func `Where no limit can be told there is none`(membership: String) {
    #expect(memory(membership, ["a/memory.max": "max", "b/memory.max": "-1"]) == nil)
    #expect(memory("0::/b", [:]) == nil)
  }

  @Test func `This machine's memory is some`() { #expect(MachineMemory.available > 1 << 20) }

  @Test func `Graphics processors are those that the variable names, as the driver reads it`() {
    #expect(Graphics.visible("0,1, 3") == ["0", "1", "3"])
    #expect(Graphics.visible("GPU-8932f937,MIG-1") == ["GPU-8932f937", "MIG-1"])
    #expect(Graphics.visible("2,-1,3") == ["2"])
    for none in ["", "-1", ",1"] { #expect(Graphics.visible(none) == []) }
    #expect(Graphics.visible("1,1,0") == ["1"])
  }
}
