import Foundation
import Support
import System
import Testing

@testable import Artefacts

@Suite struct UserSecretTests {
  private let folder = TemporaryFolder()

  @Test(arguments: [Fault.error(EIO), .error(ENOSPC), .stop])
  func `Whichever call fails, there is no half of a secret`(fault: Fault) throws {
    for call in 1... {
      let path = folder["\(fault.testDescription)/\(call)/secret"]
      let files = CrashingFileSystem(failingAt: call, fault)
      let made = UserSecret(at: path, files: files)
      if !files.wasReached {
        #expect(made != nil && call > 8)
        return
      }
      let secret: UserSecret = try #require(UserSecret(at: path))
      if let made { #expect(made.seal(of: [1]) == secret.seal(of: [1])) }
      #expect(UserSecret(at: path)?.seal(of: [1]) == secret.seal(of: [1]))
      #expect(FileManager.default.contents(atPath: path)?.count == 32)
    }
  }
}
