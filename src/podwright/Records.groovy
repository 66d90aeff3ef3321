package podwright

/** What a build leaves in Jenkins for people and for programs that come later. */
class Records implements Serializable {
  private static final long serialVersionUID = 1L

  private final Object steps

  /** @param steps the script that was called */
  Records(Object steps) {
    this.steps = steps
  }

  /** Gives a failure to catch blocks, and to whoever looks at the page of the build. */
  void tell(Map failure, String sentence) {
    // An exception of the sandbox carries a text and nothing else.
    steps.env.PODWRIGHT_FAILURE = Requests.toJson(failure)
    String before = steps.currentBuild.description
    steps.currentBuild.description = before ? before + '; ' + sentence : sentence
  }

  /**
   * Names the images on the build's page and keeps what is known of them, when that is wanted.
   * Of several pods that build one image, the last alone has a result.
   */
  Object keep(Map request, Object result) {
    if (request.record == true && result != null) {
      Map record = Requests.record(result)
      String before = steps.currentBuild.description
      steps.currentBuild.description = before ? before + ', ' + record.names : record.names
      steps.writeFile(file: record.file, text: record.json, encoding: 'UTF-8')
      steps.archiveArtifacts(artifacts: record.file)
    }
    return result
  }

  /** Shows the page of a build; where the plugin for that is not installed, it is an artifact. */
  void show(Map page) {
    try {
      steps.publishHTML(target: [
        reportName: 'Build of ' + page.image, reportDir: page.folder, reportFiles: 'index.html',
        keepAll: true, alwaysLinkToLastBuild: true, allowMissing: false,
      ])
    } catch (NoSuchMethodError e) { // so says Pipeline when it knows no such step
      steps.archiveArtifacts(artifacts: page.folder + '/**')
    }
  }
}
