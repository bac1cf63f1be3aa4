import Glibc
import Testing

@testable import System

@Suite struct NoticeTests {
  @Test func `A job leaves a command the time that Slurm grants, and no more`() {
    let (minute, second) = (Duration.seconds(60), Duration.seconds(1))
    let announced = Notice(granted: .seconds(120))
    #expect(announced.grace(second, behind: SIGUSR1) == minute)
    #expect(announced.grace(minute * 1.5, behind: SIGUSR1) == minute * 1.5)
    #expect(announced.grace(minute * 10, behind: SIGUSR1) == minute * 2)
    #expect(Notice(granted: .seconds(40)).grace(second, behind: SIGUSR1) == .seconds(40))
    #expect(Notice(granted: nil).grace(second * 10, behind: SIGUSR1) == second * 10)
    // Half a minute later comes SIGKILL.
    for notice in [announced, Notice(granted: nil)] {
      #expect(notice.grace(minute, behind: SIGTERM) == .seconds(20))
      #expect(notice.grace(second * 10, behind: SIGTERM) == second * 10)
    }
    let limits = ChildProcess.Limits(time: nil, grace: minute, isHolder: false)
    #expect(limits.grace(behind: SIGTERM) == minute)
  }
}
