import Artefacts
import Foundation
import Support
import Testing

@testable import Runs

@Suite struct RunningActionTests {
  @Test func `A second announcement of an action is none, and leaves the first and all open files alone`()
    throws
  {
    let folder = TemporaryFolder()
    let store = try Store(at: folder["store"])
    try store.make()
    let key = Digest(of: Array("action".utf8))
    let first = try #require(RunningAction(key, log: "/first", in: store))
    // A file that is closed a second time would be whichever has taken its number since.
    let others = Thread {
      for _ in 0..<20_000 {
        let file = open("/dev/null", O_RDONLY)
        #expect(file >= 0 && close(file) == 0, "a file of somebody else was closed")
      }
    }
    others.start()
    for _ in 0..<2000 { #expect(RunningAction(key, log: "/second", in: store) == nil) }
    while !others.isFinished { usleep(1000) }
    #expect(RunningAction.log(of: key, in: store) == "/first")
    withExtendedLifetime(first) {}
  }
}
