package podwright

/** The SHA-256 of the bundles; `make generate` renews it. */
class Bundle implements Serializable {
  static final String SUM = 'bdbdeb355ef47d899dc4ba4bbe522d544f3de1e9e4a9b58c05ec1c5e076c76ab'
  static final String JOBS_SUM = 'c1a6acb982f1384dc640e59dd3a7afed3fc1d850b21b8fdf9962b1d65ee32622'

  private static final long serialVersionUID = 1L
}
