package podwright

/** The SHA-256 of the bundles; `make generate` renews it. */
class Bundle implements Serializable {
  static final String SUM = '5adf0f24b76f9b95b5ec483a131e4db0aab23db7102aac5c7b9b28ae55713ff9'
  static final String JOBS_SUM = 'f4c0861dcec726ae163ca8deaf73aebf66e06645ff5e99819d1e1a7d35979632'

  private static final long serialVersionUID = 1L
}
