package podwright

/** The SHA-256 of the bundles; `make generate` renews it. */
class Bundle implements Serializable {
  static final String SUM = 'a652209b2e0d2154ff6f4db87ccd878ac6215a34321e02724b0ab855f1dab077'
  static final String JOBS_SUM = 'c2536dd6ee0a07f56e031c773d38cdf24d9303cafe7ad8ccdc6c63a5a037f254'

  private static final long serialVersionUID = 1L
}
